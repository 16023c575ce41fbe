import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';

/**
 * Whose fault a failed handler is. The message's: it is tried again a few times and becomes a dead letter.
 * The world's: nothing is wrong with this message, every other would fail too; so the consumer waits, and
 * an outage of minutes makes no dead letters.
 */
export type Blame = 'message' | 'world';

// Reasons that are the world's whatever their status: no room, too many of us at once.
const worldly = new Set(['STORE_FULL', 'BULKHEAD_FULL', 'SERIALIZATION_FAILURE']);

export function blame(thrown: unknown): Blame {
  const { status, reason, details } = MeshError.from(thrown);
  if (reason === handlerTimeout) return 'message';
  if (status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED') return 'world';
  if (reason !== undefined && worldly.has(reason)) return 'world';
  // A server that sheds load says when to come back; one that refuses this message does not.
  if (status === 'RESOURCE_EXHAUSTED' && details.retryAfterMs !== undefined) return 'world';
  return 'message';
}

// An answer to what was asked, by its meaning in gRPC; the others say that there was no answer.
// Source: grpc/doc/statuscodes.md.
const refusals = new Set<Status>([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
]);

/** Whether whoever threw it was asked and said no, and would say no again. */
export function isRefusal({ status }: MeshError): boolean {
  return refusals.has(status);
}

/** The reason of a handler that took too long by itself: with DEADLINE_EXCEEDED, yet the message's fault. */
export const handlerTimeout = 'HANDLER_TIMEOUT';
/** The reason of a message that cannot be read; trying again would not help. */
export const undecodable = 'UNDECODABLE_EVENT';
