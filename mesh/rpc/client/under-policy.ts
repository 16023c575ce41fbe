import type { Clock } from '../../kernel/clock.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import { type CallPolicy, underPolicy } from '../../resilience/user-policy.ts';
import { onGivenUp } from '../signals.ts';
import { assertUseful, type ClientContext, nameOf } from './context.ts';
import { OpenEnding, onEnd } from './ending.ts';
import type { Observer } from './observe.ts';
import type { Open } from './opened.ts';
import { watched } from './retry.ts';
import type { ClientCall } from './unary.ts';

/*
 * A policy of the user around calls: inside the deadline, because a call has one whatever a policy makes of
 * it; outside of weft's guard, so that every call that the policy makes is counted by the breaker, takes a
 * slot, pays into the budget, and is refused when the target is down.
 */

/** Puts `policy` around the unary calls that `inner` makes. */
export function callUnderPolicy(
  policy: CallPolicy,
  inner: ClientCall,
  { observer, clock }: { readonly observer: Observer; readonly clock: Clock },
): ClientCall {
  return async (request, context) => {
    observer.started();
    try {
      assertUseful(context);
      const response = await atMost(context, clock, () =>
        underPolicy(policy, async (signal) => {
          const { ending, forgetCall, forgetPolicy } = endingOfBoth(context, signal);
          try {
            return await inner(request, again(context, ending, clock));
          } finally {
            forgetPolicy();
            forgetCall();
          }
        }),
      );
      observer.ended(context, 'OK', clock.monotonic());
      return response;
    } catch (thrown) {
      const error = MeshError.from(thrown);
      observer.ended(context, error.status, clock.monotonic(), error);
      throw error;
    }
  };
}

/** The same for streams: the policy sees the time until the first message, and the failures before it. */
export function opensUnderPolicy(policy: CallPolicy, clock: Clock): (next: Open) => Open {
  return (next) => (requests, context) => {
    const source = watched(requests);
    const single = context.method.kind === 'server-stream';
    let failure: unknown;
    return atMost(context, clock, () =>
      underPolicy(policy, async (signal) => {
        // Part of the requests is used up: they cannot be sent again, whatever the policy wants.
        if (source.touched && !single) throw failure;
        const { ending, forgetCall, forgetPolicy } = endingOfBoth(context, signal);
        try {
          const opened = await next(source, again(context, ending, clock));
          return {
            ...opened,
            ended(end) {
              forgetCall();
              return opened.ended(end);
            },
          };
        } catch (thrown) {
          failure = thrown;
          forgetCall();
          throw thrown;
        } finally {
          forgetPolicy();
        }
      }),
    );
  };
}

/** One call that the policy makes; it may be the third, long after the caller's began. */
function again(context: ClientContext, ending: OpenEnding, clock: Clock): ClientContext {
  return { ...context, cancellation: ending, startMs: clock.monotonic() };
}

function endingOfBoth(
  context: ClientContext,
  signal: AbortSignal,
): { ending: OpenEnding; forgetCall: () => void; forgetPolicy: () => void } {
  const ending = new OpenEnding();
  const end = (reason: MeshError): void => {
    ending.abort(reason);
  };
  const forgetCall = onGivenUp(context, end);
  return { ending, forgetCall, forgetPolicy: onEnd(signal, nameOf(context), end) };
}

/** What a call's own end needs to come first, in ms: it knows more than that the time is over. */
const graceMs = 10;

/** A policy may wait between its calls, and hears neither the caller's end nor the deadline meanwhile. */
function atMost<T>(context: ClientContext, clock: Clock, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const { deadline } = context;
    const late = (): void => {
      const text = `${nameOf(context)}: its time was over while the policy around it waited`;
      reject(new MeshError(text, { status: 'DEADLINE_EXCEEDED', reason: 'POLICY_TIMEOUT' }));
    };
    const stop = deadline && clock.after(remainingMs(deadline, clock) + graceMs, late);
    const forget = onGivenUp(context, reject);
    work()
      .finally(() => {
        stop?.();
        forget();
      })
      .then(resolve, reject);
  });
}
