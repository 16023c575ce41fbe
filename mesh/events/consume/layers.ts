import type { Clock } from '../../kernel/clock.ts';
import { childTrace } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import { failureOf, type SpanSink, samplingOf } from '../../telemetry/spans.ts';
import type { Delivery } from '../bus/bus.ts';
import { filterOfSubject } from '../bus/subject.ts';
import { blame } from './blame.ts';
import type { ConsumeLayer, Verdict } from './consume.ts';
import type { Gate } from './gate.ts';

/** What these layers of one consumer share. */
export interface LayerParts {
  readonly consumer: string;
  /** By the full names of their types. */
  readonly handlers: { has(typeName: string): boolean };
  /** The subjects that this process asked for, see bus/subject.ts. */
  readonly filters: ReadonlySet<string>;
  readonly gate: Gate;
  /** The deliveries whose handlers run. */
  readonly running: Set<Delivery>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spans: SpanSink;
}

const skipped: Verdict = { kind: 'ack', outcome: 'skipped' };
// An error of the consumer itself, not of handler or message: rare, and not healed by haste.
const afterFaultMs = 5_000;
// How often, and after which wait each time, a message is left to a newer version of the service.
const leaveToOthers = 5;
const leaveToOthersMs = 2_000;

/** There is always a verdict: what nobody below could decide comes again later. */
export function decided({ log }: Pick<LayerParts, 'log'>): ConsumeLayer {
  return (next) => async (incoming) => {
    try {
      return await next(incoming);
    } catch (err) {
      if (incoming.signal.aborted) return { kind: 'nak', delayMs: 0 };
      if (blame(err) === 'nobody') return { kind: 'nak', delayMs: 0, error: err };
      log.error('an event could not be dealt with; it comes again', { id: incoming.id, err });
      return { kind: 'nak', delayMs: afterFaultMs };
    }
  };
}

/** Leaves what no handler here is for. */
export function addressed({
  handlers,
  filters,
  log,
}: Pick<LayerParts, 'handlers' | 'filters' | 'log'>): ConsumeLayer {
  return (next) => async (incoming) => {
    const { envelope, delivery } = incoming;
    if (envelope === undefined || handlers.has(envelope.type)) return next(incoming);
    // Another version of a type that is handled: subjects do not tell versions apart.
    if (filters.has(filterOfSubject(delivery.subject))) return skipped;
    // The filter of the consumer is wider than this process: during a rolling update a newer instance is
    // there to take it; if none does, an older version has come back and nobody wants it any more.
    if (delivery.deliveries < leaveToOthers) return { kind: 'nak', delayMs: leaveToOthersMs };
    log.warn('an event that no instance handles is passed over', { type: envelope.type });
    return skipped;
  };
}

/** Holds everything while the world is at fault; what failed by it is tried again here. */
export function held({ gate }: Pick<LayerParts, 'gate'>): ConsumeLayer {
  return (next) => async (incoming) => {
    for (;;) {
      const pass = await gate.enter(incoming.signal);
      try {
        const verdict = await next(incoming);
        pass.well();
        return verdict;
      } catch (thrown) {
        if (incoming.signal.aborted || blame(thrown) !== 'world') {
          pass.well();
          throw thrown;
        }
        await pass.ill(MeshError.from(thrown), incoming.signal);
      }
    }
  };
}

/** Marks the delivery as being worked on, so that the bus does not give it to somebody else. */
export function kept({ running }: Pick<LayerParts, 'running'>): ConsumeLayer {
  return (next) => async (incoming) => {
    running.add(incoming.delivery);
    try {
      return await next(incoming);
    } finally {
      running.delete(incoming.delivery);
    }
  };
}

/** Records a consumer span under the span that published. */
export function traced(
  parts: Pick<LayerParts, 'consumer' | 'clock' | 'random' | 'spans'>,
): ConsumeLayer {
  const { consumer, clock, random, spans } = parts;
  return (next) => async (incoming) => {
    const { envelope, delivery } = incoming;
    const trace = childTrace(envelope?.trace, random);
    const startMs = clock.now();
    const start = clock.monotonic();
    const record = (status: string, thrown?: unknown): void => {
      spans.record({
        ...{ traceId: trace.traceId, spanId: trace.spanId },
        ...(envelope?.trace && { parentSpanId: envelope.trace.spanId }),
        kind: 'consumer',
        name: envelope?.type ?? delivery.subject,
        startMs,
        durationUs: Math.round((clock.monotonic() - start) * 1000),
        status,
        peer: consumer,
        attempts: delivery.deliveries,
        ...samplingOf(trace),
        ...(thrown !== undefined && { failure: failureOf(MeshError.from(thrown)) }),
      });
    };
    try {
      const verdict = await next({ ...incoming, trace });
      // A duplicate is no work: the span of the first time stands.
      if (verdict.kind === 'nak') record(MeshError.from(verdict.error).status, verdict.error);
      else if (verdict.kind === 'parked') record(verdict.error.status, verdict.error);
      else if (verdict.outcome === 'done') record('OK');
      else if (verdict.outcome === 'dead') record('DEAD_LETTERED');
      else if (verdict.outcome === 'expired') record('EXPIRED');
      else if (verdict.outcome === 'refused') record(verdict.error.status, verdict.error);
      return verdict;
    } catch (thrown) {
      record(MeshError.from(thrown).status, thrown);
      throw thrown;
    }
  };
}
