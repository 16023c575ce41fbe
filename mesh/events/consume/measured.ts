import type { Clock } from '../../kernel/clock.ts';
import type { ConsumerMeter, EventMetrics, EventOutcome } from '../../telemetry/event-meters.ts';
import { channelOf } from '../bus/subject.ts';
import { blame } from './blame.ts';
import type { ConsumeLayer, Verdict } from './consume.ts';

export interface MeasuredParts {
  readonly consumer: string;
  readonly metrics: EventMetrics;
  readonly clock: Clock;
}

/** Counts how each try ended, and how long it took. */
export function measured({ consumer, metrics, clock }: MeasuredParts): ConsumeLayer {
  // A consumer has few channels; their names are not looked up by text for every message.
  const meters = new Map<string, ConsumerMeter>();
  const meterOf = (subject: string): ConsumerMeter => {
    const known = meters.get(subject);
    if (known !== undefined) return known;
    const meter = metrics.consumer(consumer, channelOf(subject));
    meters.set(subject, meter);
    return meter;
  };
  return (next) => async (incoming) => {
    const meter = meterOf(incoming.delivery.subject);
    const start = clock.monotonic();
    try {
      const verdict = await next(incoming);
      const { timeMs = 0 } = incoming.envelope ?? {};
      const outcome = outcomeOf(verdict);
      const isDone = outcome === 'done' && timeMs > 0;
      meter.ended(outcome, clock.monotonic() - start, isDone ? clock.now() - timeMs : undefined);
      return verdict;
    } catch (thrown) {
      // What was cut off by the end of the process is no outage: it comes again.
      if (!incoming.signal.aborted) {
        const outcome = blame(thrown) === 'message' ? 'failed' : 'outage';
        meter.ended(outcome, clock.monotonic() - start, undefined);
      }
      throw thrown;
    }
  };
}

function outcomeOf(verdict: Verdict): EventOutcome {
  switch (verdict.kind) {
    case 'ack':
      return verdict.outcome;
    case 'parked':
      return verdict.stopped ? 'dead' : 'failed';
    default:
      return 'failed';
  }
}
