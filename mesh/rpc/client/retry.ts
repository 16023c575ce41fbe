import { MeshError } from '../../kernel/error.ts';
import type { RepeatedCall } from '../../resilience/retry.ts';
import { drainingReason, neverReached, nobodyThere } from '../../resilience/unreached.ts';
import type { Attempt, AttemptParts } from './attempt.ts';
import { type ClientContext, type Report, repeatsOf } from './context.ts';
import type { Open } from './opened.ts';
import type { Route } from './route.ts';

/** A call and how it is tried. */
interface Repeated {
  readonly parts: AttemptParts;
  readonly attempt: Attempt;
  readonly request: unknown;
  readonly context: ClientContext;
}

/**
 * Goes on with a unary call whose attempt number `made` has failed, by the rules of
 * resilience/retry-rules.ts.
 */
export function repeat(call: Repeated, thrown: unknown, made: number): Promise<unknown> {
  const { parts, attempt, request, context } = call;
  return parts.retry.resume(repeated(context, parts.route), thrown, made, (number) =>
    attempt(request, { ...context, attempt: number }),
  );
}

/** Repeats a stream by the same rules, but only before its first message. */
export function retried({ retry, route }: RetryParts): (next: Open) => Open {
  return (next) => async (requests, context) => {
    const { report } = context;
    const source = watched(requests);
    // A single request can be sent again; a stream of them only as long as none was taken from its source.
    const single = context.method.kind === 'server-stream';
    const call = { ...repeated(context, route), replayable: () => single || !source.touched };
    try {
      const opened = await retry.run(call, (attempt) => next(source, { ...context, attempt }));
      return {
        ...opened,
        ended(end) {
          const error = opened.ended(end);
          return error && forCaller(error, report);
        },
      };
    } catch (thrown) {
      throw forCaller(thrown, report);
    }
  };
}

type RetryParts = Pick<AttemptParts, 'retry' | 'route'>;

function repeated(context: ClientContext, route: Route): RepeatedCall {
  const { method, policy, deadline, signal, cancellation, report } = context;
  const { attempts, retryOn } = policy;
  let known = 0;
  return {
    ...{ method, attempts, retryOn, deadline, signal, cancellation },
    elsewhere() {
      // Each time by one more endpoint that has failed the call, or it would go round for ever.
      const failed = report.failed?.size ?? 0;
      if (failed <= known) return false;
      known = failed;
      return route.hasOther(context);
    },
    repeats: (transparent, delayMs) => {
      const repeats = repeatsOf(report);
      repeats[transparent ? 'transparent' : 'retries']++;
      repeats.delayMs += delayMs;
    },
  };
}

/** Requests of which it is known whether anybody has begun to read them. */
export type Watched<T> = AsyncIterable<T> & { readonly touched: boolean };

/** The requests, and whether anybody has begun to read them. */
export function watched<T>(requests: AsyncIterable<T>): Watched<T> {
  let touched = false;
  return {
    [Symbol.asyncIterator]() {
      touched = true;
      return requests[Symbol.asyncIterator]();
    },
    get touched() {
      return touched;
    },
  };
}

/**
 * "No handler has seen this call" was meant for the retry. A caller that is a handler itself may pass the
 * error on, and its own caller would take it for a word about *that* call, and repeat what was half done.
 */
export function forCaller(thrown: unknown, { failed }: Pick<Report, 'failed'>): MeshError {
  const error = MeshError.from(thrown);
  if (!neverReached(error)) return error;
  const { rawMessage, status, details, reason } = error;
  const tried =
    failed === undefined || failed.size < 2
      ? ''
      : `; so it is at each of the ${String(failed.size)} endpoints that were tried`;
  const told = nobodyThere(error) ? reasonOf(error) : reason;
  return new MeshError(`${rawMessage}${tried}`, {
    status,
    ...(told !== undefined && { reason: told }),
    details,
    cause: error,
  });
}

function reasonOf({ reason }: MeshError): string {
  return reason === drainingReason ? 'ENDPOINT_DRAINING' : 'ENDPOINT_UNREACHED';
}
