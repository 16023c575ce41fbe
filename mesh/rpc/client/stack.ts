import { compose, type StreamCall, type StreamLayer } from '../../kernel/call.ts';
import type { CallPolicy } from '../../resilience/user-policy.ts';
import { attemptStream } from './attempt.ts';
import { guardStream } from './guard.ts';
import { limitStream } from './idle.ts';
import { type Observer, observeStream, silentObserver } from './observe.ts';
import { retryStream } from './retry.ts';
import { type CallParts, type ClientCall, fusedUnary } from './unary.ts';
import { callUnderPolicy, streamUnderPolicy } from './under-policy.ts';

export interface StackParts extends CallParts {
  readonly observer: Observer;
  /** Of the user, around the calls of the method. */
  readonly policy?: CallPolicy | undefined;
}

/** The whole way of a unary call; unary.ts says in which order, and why it is one function. */
export function unaryStack({ policy, observer, ...parts }: StackParts): ClientCall {
  if (policy === undefined) return fusedUnary(parts, observer);
  const inner = fusedUnary(parts, silentObserver);
  return callUnderPolicy(policy, inner, { observer, clock: parts.clock });
}

/** What a stream goes through, outermost first: the order of a unary call, as layers. */
export function streamStack({ policy, observer, ...parts }: StackParts): StreamCall {
  const layers: StreamLayer[] = [
    // Outermost, so that refused calls are seen too, and one span covers all attempts and waits.
    observeStream(observer, parts.clock),
    // Above guard and retry: what has no time left takes no slot, and silence is silence over all attempts.
    limitStream(parts.clock),
    // Inside the limits and outside the guard: each stream that it opens counts as one.
    ...(policy === undefined ? [] : [streamUnderPolicy(policy, parts.clock)]),
    // Above retry: the breaker judges calls as the caller sees them, and stops retries along with them;
    // a slot of the bulkhead is held while a call waits for its next attempt.
    guardStream(parts.guard),
    // Innermost: below it every attempt takes an endpoint of its own.
    retryStream(parts),
  ];
  return compose(layers, attemptStream(parts));
}
