import {
  type Call,
  compose,
  type Layer,
  type StreamCall,
  type StreamLayer,
} from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Guard } from '../../resilience/guard.ts';
import type { Retry } from '../../resilience/retry.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { deadlineLayers } from './deadline.ts';
import { guardLayers } from './guard.ts';
import { retryLayers } from './retry.ts';
import { clientSpans } from './span.ts';

export interface StackParts {
  readonly clock: Clock;
  readonly spans: SpanSink;
  /** Of unary calls for which neither caller nor schema names one, in ms. */
  readonly defaultTimeoutMs: number;
  readonly guard: Guard;
  readonly retry: Retry;
}

/** What every call of a client goes through, outermost first. */
function layers(parts: StackParts): { call: Layer; stream: StreamLayer }[] {
  return [
    // Outermost, so that refused calls are seen too, and one span covers all attempts and waits.
    clientSpans(parts),
    // Above guard and retry: one deadline for the whole call, and what has none left takes no slot.
    deadlineLayers(parts.clock, parts.defaultTimeoutMs),
    // Above retry: the breaker judges calls as the caller sees them, and stops retries along with them;
    // a slot of the bulkhead is held while a call waits for its next attempt.
    guardLayers(parts.guard),
    // Innermost: below it every attempt takes an endpoint of its own.
    retryLayers(parts.retry),
  ];
}

/** The whole way of a unary call, from the caller's request to one `attempt` after another. */
export function unaryStack(parts: StackParts, attempt: Call): Call {
  return compose(
    layers(parts).map((layer) => layer.call),
    attempt,
  );
}

/** The same for the three streaming kinds. */
export function streamStack(parts: StackParts, attempt: StreamCall): StreamCall {
  return compose(
    layers(parts).map((layer) => layer.stream),
    attempt,
  );
}
