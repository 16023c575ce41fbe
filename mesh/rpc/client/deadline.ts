import type { Layer, StreamLayer } from '../../kernel/call.ts';
import { aborted, type Clock } from '../../kernel/clock.ts';
import { type Deadline, deadlineIn, earlier, remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import { type ClientContext, clientContext, nameOf } from './context.ts';
import { watchIdle } from './idle.ts';

/**
 * Kept back of the caller's own deadline, in ms: an answer that comes at the last moment leaves it time to
 * answer in turn, and a failure says where the time went.
 */
const marginMs = 5;

/**
 * Bounds a call in time. A unary call always has a deadline; a stream has one only if it was given or its
 * caller has one, and is bounded by silence instead. What is of no use any more is not even begun.
 */
export function deadlineLayers(
  clock: Clock,
  defaultTimeoutMs: number,
): { call: Layer; stream: StreamLayer } {
  return {
    call: (next) => async (request, context) => {
      const own = clientContext(context);
      const timeoutMs = own.timeoutMs ?? own.method.policy.timeoutMs ?? defaultTimeoutMs;
      return next(request, bounded(own, timeoutMs, clock));
    },
    stream: (next) =>
      async function* (requests, context) {
        const own = clientContext(context);
        const inner = bounded(own, own.timeoutMs, clock);
        const { idleTimeoutMs } = own.method.policy;
        if (idleTimeoutMs === undefined) yield* next(requests, inner);
        else yield* watchIdle(next, requests, inner, { idleTimeoutMs, clock });
      },
  };
}

/** The context with its deadline; throws when the caller has left or the time is over already. */
function bounded(
  context: ClientContext,
  timeoutMs: number | undefined,
  clock: Clock,
): ClientContext {
  if (context.signal?.aborted) throw aborted(context.signal, nameOf(context));
  const given = timeoutMs === undefined ? undefined : deadlineIn(timeoutMs, clock);
  const inherited = context.parent.deadline && { at: context.parent.deadline.at - marginMs };
  const deadline: Deadline | undefined = earlier(inherited, given);
  if (deadline === undefined) return context;
  if (remainingMs(deadline, clock) > 0) return { ...context, deadline };
  const whose = deadline === inherited ? 'the call that it is part of' : 'its own time-out';
  throw new MeshError(`${nameOf(context)}: not called, ${whose} leaves it no time`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'EXPIRED_BEFORE_CALL',
  });
}
