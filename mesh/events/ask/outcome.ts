import { Status } from '../../../gen/google/rpc/status.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import { fromStatus } from '../../schema/details.ts';
import { undecodable } from '../consume/blame.ts';
import type { StoredAnswer } from './asks.ts';

/** One answer: what was asked for, or a refusal of whoever was asked. */
export type Answer<A> =
  | { readonly kind: 'reply'; readonly source: string; readonly reply: A }
  | { readonly kind: 'failure'; readonly source: string; readonly error: MeshError };

/**
 * What became of a request: exactly one of the three. "failure": whoever was asked refused, or gave it up
 * after its last try; `error` is what it threw. "timeout": nobody answered in time; the work may be done
 * all the same, or be done later.
 */
export type Outcome<A> = Answer<A> | { readonly kind: 'timeout'; readonly error: MeshError };

/** Reads an answer. Throws DATA_LOSS for bytes that are none. */
export function readAnswer<A extends object>(
  type: MessageType<A>,
  { source, refused, body }: StoredAnswer,
): Answer<A> {
  if (!refused) return { kind: 'reply', source, reply: decodeStored(type, body) };
  return { kind: 'failure', source, error: fromStatus(decodeStored(Status, body)) };
}

export function decodeStored<T extends object>(type: MessageType<T>, body: Uint8Array): T {
  try {
    return type.decode(body);
  } catch (thrown) {
    throw new MeshError(`it is no ${type.$type}: ${describe(thrown)}`, {
      ...{ status: 'DATA_LOSS', reason: undecodable, cause: thrown },
    });
  }
}

/** The error of a question that nobody answered in time. */
export function timedOut(requestType: string): MeshError {
  const message = `${requestType} was not answered in time; it may be done all the same`;
  return new MeshError(message, { status: 'DEADLINE_EXCEEDED', reason: 'ASK_TIMEOUT' });
}
