import { MeshError } from '../../kernel/error.ts';

/**
 * Whose fault a failed handler is. The message's: it is tried again a few times and becomes a dead letter.
 * The world's: nothing is wrong with this message, every other would fail too; so the consumer waits, and
 * an outage of minutes makes no dead letters. Nobody's: another process has taken over, and deals with it.
 */
export type Blame = 'message' | 'world' | 'nobody';

// Reasons that are the world's whatever their status: no room, too many of us at once, and the transaction
// of a neighbour that broke.
const worldly = new Set(['STORE_FULL', 'BULKHEAD_FULL', 'SERIALIZATION_FAILURE', 'GROUP_LOST']);

export function blame(thrown: unknown): Blame {
  const { status, reason, details } = MeshError.from(thrown);
  if (reason === handlerTimeout || reason === eventExpired) return 'message';
  if (reason === 'LEASE_LOST') return 'nobody';
  if (status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED') return 'world';
  if (reason !== undefined && worldly.has(reason)) return 'world';
  // A server that sheds load says when to come back; one that refuses this message does not.
  if (status === 'RESOURCE_EXHAUSTED' && details.retryAfterMs !== undefined) return 'world';
  return 'message';
}

/**
 * What is to be done about a message that is to blame. "again": tried again, a few times. "never": time heals
 * nothing, so it is a dead letter at once. "park-key": the same, and on an ordered consumer the later events
 * of its key wait until it is replayed or dropped.
 */
export type Remedy = 'again' | 'never' | 'park-key';

/**
 * Only what is wrong with the message itself is beyond healing: INVALID_ARGUMENT, and what cannot be read.
 * NOT_FOUND and FAILED_PRECONDITION speak of a state that may still come (an event that has overtaken another),
 * UNIMPLEMENTED and PERMISSION_DENIED of a rollout that may still go on.
 */
export function remedy(thrown: unknown): Remedy {
  const { status, reason, details } = MeshError.from(thrown);
  const said = details.facts?.[remedyFact];
  if (said === 'never' || said === 'park-key') return said;
  if (status === 'INVALID_ARGUMENT' || reason === undecodable || reason === eventExpired) {
    return 'never';
  }
  return 'again';
}

/** An error that makes the event a dead letter at once: `throw neverRetry(error)`, whatever the error is. */
export function neverRetry(thrown: unknown): MeshError {
  return withRemedy(thrown, 'never');
}

/**
 * An error that makes the event a dead letter at once and stops its key: on an ordered consumer the later
 * events of the key wait until the letter is replayed or dropped. Without order the same as `neverRetry`.
 */
export function parkKey(thrown: unknown): MeshError {
  return withRemedy(thrown, 'park-key');
}

// Among the facts of the error, which travel: so a called service may say it too.
const remedyFact = 'weft-event';

function withRemedy(thrown: unknown, what: Remedy): MeshError {
  const { rawMessage, status, reason, details } = MeshError.from(thrown);
  return new MeshError(rawMessage, {
    status,
    ...(reason !== undefined && { reason }),
    details: { ...details, facts: { ...details.facts, [remedyFact]: what } },
    cause: thrown,
  });
}

/** The reason of a handler that took too long by itself: with DEADLINE_EXCEEDED, yet the message's fault. */
export const handlerTimeout = 'HANDLER_TIMEOUT';
/** The reason of an event whose own deadline has passed: nobody has use for its effect any more. */
export const eventExpired = 'EVENT_EXPIRED';
/** The reason of a message that cannot be read; trying again would not help. */
export const undecodable = 'UNDECODABLE_EVENT';
