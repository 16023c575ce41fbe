import { compose, type StreamCall } from '../../kernel/call.ts';
import type { CallPolicy } from '../../resilience/user-policy.ts';
import { openAttempt } from './attempt.ts';
import { clientContext } from './context.ts';
import { guarded } from './guard.ts';
import { limited, Silence } from './idle.ts';
import { type Observer, observed, silentObserver } from './observe.ts';
import type { Open } from './opened.ts';
import { Passage } from './passage.ts';
import { retried } from './retry.ts';
import { type CallParts, type ClientCall, fusedUnary } from './unary.ts';
import { callUnderPolicy, opensUnderPolicy } from './under-policy.ts';

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

/**
 * What a stream goes through, outermost first: the order of a unary call. As far as its first message each step
 * is a layer; the messages behind it pass by all of them (passage.ts), which are told of the end.
 */
export function streamStack({ policy, observer, ...parts }: StackParts): StreamCall {
  const { clock } = parts;
  const layers: ((next: Open) => Open)[] = [
    // Outermost, so that refused calls are seen too, and one span covers all attempts and waits.
    observed(observer, clock),
    // Above guard and retry: what has no time left takes no slot, and silence is silence over all attempts.
    limited,
    // Inside the limits and outside the guard: each stream that it opens counts as one.
    ...(policy === undefined ? [] : [opensUnderPolicy(policy, clock)]),
    // Above retry: the breaker judges calls as the caller sees them, and stops retries along with them;
    // a slot of the bulkhead is held while a call waits for its next attempt.
    guarded(parts.guard),
    // Innermost: below it every attempt takes an endpoint of its own.
    retried(parts),
  ];
  const open = compose(layers, openAttempt(parts));
  return (requests, context) => {
    const own = clientContext(context);
    const silence = own.policy.idleTimeoutMs === 0 ? undefined : new Silence(own, clock);
    return new Passage(() => open(requests, { ...own, silence }), silence);
  };
}
