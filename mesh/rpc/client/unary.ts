import type { Passage } from '../../resilience/breaker.ts';
import { verdictOf } from '../../resilience/failure.ts';
import type { Guard } from '../../resilience/guard.ts';
import type { Hedge } from '../../resilience/hedge.ts';
import { type AttemptParts, begun, endedBadly, endedWell, oneAttempt, send } from './attempt.ts';
import { assertUseful, type ClientContext } from './context.ts';
import { hedgedAttempts } from './hedged.ts';
import type { Observer } from './observe.ts';
import type { Refusals } from './refusals.ts';
import { forCaller, repeat } from './retry.ts';

/** A call below the stub: its context has all that the layers of the client know of it. */
export type ClientCall = (request: unknown, context: ClientContext) => Promise<unknown>;

/** What the calls of one method go through. */
export interface CallParts extends AttemptParts {
  readonly guard: Guard;
  readonly hedge: Hedge;
  readonly refusals: Refusals;
}

/**
 * The way of a unary call: what would be six layers, in one function, because a call over the lane costs less
 * than the promises between six layers. In this order, outermost first:
 *
 * - observe: spans and metrics, so that refused calls are seen too, and one span covers all attempts;
 * - deadline and cancellation: computed when the call began (context.ts); what is of no use is not begun, and
 *   takes no slot. There is no timer here: an attempt is timed by its transport, every wait by itself;
 * - guard: bulkhead, then breaker. Above the attempts, so that the breaker judges calls as their caller sees
 *   them, and a slot is held while a call waits for its next attempt;
 * - the first attempt: a deposit in the budget, an endpoint, the connection;
 * - only after it has failed: the retry loop of resilience/retry.ts, each attempt with an endpoint of its own.
 *
 * Whoever extends weft stands around it (`layers` of createClient); a policy of the user, where there is one,
 * between deadline and guard (under-policy.ts).
 */
export function fusedUnary(parts: CallParts, observer: Observer): ClientCall {
  const { clock, route, guard, retry, refusals } = parts;
  const attempt = oneAttempt(parts);

  return async (request, context) => {
    let passage: Passage | undefined;
    observer.started();
    try {
      assertUseful(context);
      passage = guard.enter();
      retry.budget.deposit(context.startMs);
      let response: unknown;
      let nowMs = 0;
      if (context.policy.maxExtraLoad > 0 && context.policy.attempts > 1) {
        response = await hedgedAttempts(parts, attempt, request, context);
      } else {
        let sentMs = context.startMs;
        let lent = route.take(context, sentMs, guard.inFlight > 1);
        if (lent === undefined) {
          lent = await route.takeLater(context);
          sentMs = clock.monotonic();
        }
        begun(parts, lent, context);
        try {
          response = await send(parts, lent, request, context);
          nowMs = endedWell(parts, lent, context, sentMs);
        } catch (thrown) {
          const error = endedBadly(parts, lent, context, { thrown, sentMs });
          response = await repeat({ parts, attempt, request, context }, error, 1);
        }
      }
      if (nowMs === 0) nowMs = clock.monotonic();
      guard.leave(passage, 'success', nowMs);
      observer.ended(context, 'OK', nowMs);
      return response;
    } catch (thrown) {
      const error = forCaller(thrown, context.report);
      if (passage !== undefined) guard.leave(passage, verdictOf(error));
      observer.ended(context, error.status, clock.monotonic(), error);
      if (passage === undefined) await refusals.next();
      throw error;
    }
  };
}
