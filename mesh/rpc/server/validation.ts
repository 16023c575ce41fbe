import { MeshError } from '../../kernel/error.ts';
import type { MessageCheck } from '../../schema/validate.ts';

/** Refuses a message that breaks the rules of the schema, with every field at fault (google.rpc.BadRequest). */
export function validate(check: MessageCheck, message: unknown): void {
  if (typeof message !== 'object' || message === null) return;
  const violations = check(message);
  if (violations.length === 0) return;
  throw MeshError.invalid('the message breaks rules of the schema', violations);
}
