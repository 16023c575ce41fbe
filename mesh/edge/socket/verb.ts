import { MeshError } from '../../kernel/error.ts';
import type { Request } from './frame.ts';
import type { SocketConnection } from './socket.ts';

/** What a server does when a client asks; the fields that it returns are those of the answer. */
export type Verb = (
  fields: Readonly<Record<string, unknown>>,
  connection: SocketConnection,
) => Promise<object | undefined>;

/** What checks the fields of a request: a zod schema is one. */
interface Shape<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A verb whose fields are checked: INVALID_ARGUMENT / INVALID_FIELDS names every one at fault. */
export function verb<T>(
  shape: Shape<T>,
  run: (fields: T, connection: SocketConnection) => Promise<object | undefined>,
): Verb {
  return async (fields, connection) => {
    const read = shape.safeParse(fields);
    if (read.success) return run(read.data, connection);
    const violations = read.error.issues.map(({ path, message }) => ({
      field: path.map(String).join('.'),
      description: message,
    }));
    throw MeshError.invalid(`"${String(fields['type'])}" is not usable`, violations);
  };
}

/** The verb that a request asks for. Throws UNIMPLEMENTED / NO_SUCH_VERB. */
export function verbOf(verbs: Readonly<Record<string, Verb>>, { type }: Request): Verb {
  const found = Object.hasOwn(verbs, type) ? verbs[type] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(verbs).join(', ');
  throw new MeshError(`there is no verb "${type.slice(0, 64)}" here; there are ${known}`, {
    ...{ status: 'UNIMPLEMENTED', reason: 'NO_SUCH_VERB' },
  });
}
