import { aborted, type Clock } from '../../kernel/clock.ts';
import { childTrace, runInContext } from '../../kernel/context.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { Image } from '../../schema/image.ts';
import type { Transaction } from '../../store/sql.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { askedBy, refuse, writeReply } from '../ask/reply.ts';
import type { Delivery } from '../bus/bus.ts';
import { filterOfSubject } from '../bus/subject.ts';
import { writeDeadLetter } from '../dead-letters/dead-letter.ts';
import { failureOf } from '../dead-letters/failure.ts';
import type { Envelope } from '../envelope.ts';
import type { Write } from '../outbox/write.ts';
import { bytesOf } from '../received.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { blame, handlerTimeout, undecodable } from './blame.ts';
import type { Consume, ConsumeLayer, Incoming, Verdict } from './consume.ts';
import type { Gate } from './gate.ts';
import type { EventContext, EventHandler, Handlers } from './handler.ts';
import type { Inbox } from './inbox.ts';
import { replies } from './replies.ts';

/** What the layers of one consumer share. */
export interface LayerParts<DB> {
  readonly image: Pick<Image, 'registry'>;
  readonly consumer: string;
  readonly handlers: Handlers<DB>;
  /** The subjects that this process asked for, see bus/subject.ts. */
  readonly filters: ReadonlySet<string>;
  readonly inbox: Inbox<DB>;
  readonly write: Write<DB>;
  readonly gate: Gate;
  /** The deliveries whose handlers run. */
  readonly running: Set<Delivery>;
  readonly maxDeliveries: number;
  readonly handlerTimeoutMs: number;
  readonly retry: RetryDelay;
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

/** Tells the bus the verdict; what nobody below could decide comes again later. */
export function settled({ log }: Pick<LayerParts<never>, 'log'>): ConsumeLayer {
  return (next) => async (incoming) => {
    const { delivery, signal } = incoming;
    const verdict = await next(incoming).catch((err: unknown): Verdict => {
      if (signal.aborted) return { kind: 'nak', delayMs: 0 };
      log.error('an event could not be dealt with; it comes again', { id: incoming.id, err });
      return { kind: 'nak', delayMs: afterFaultMs };
    });
    if (verdict.kind === 'ack') delivery.ack();
    else delivery.nak(verdict.delayMs);
    return verdict;
  };
}

/** Leaves what no handler here is for. */
export function addressed<DB>({
  handlers,
  filters,
  log,
}: Pick<LayerParts<DB>, 'handlers' | 'filters' | 'log'>): ConsumeLayer {
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
export function held({ gate }: Pick<LayerParts<never>, 'gate'>): ConsumeLayer {
  return (next) => async (incoming) => {
    for (;;) {
      const pass = await gate.enter(incoming.signal);
      try {
        const verdict = await next(incoming);
        pass.well();
        return verdict;
      } catch (thrown) {
        if (incoming.signal.aborted || blame(thrown) === 'message') {
          pass.well();
          throw thrown;
        }
        pass.ill(MeshError.from(thrown));
      }
    }
  };
}

/** Marks the delivery as being worked on, so that the bus does not give it to somebody else. */
export function kept({ running }: Pick<LayerParts<never>, 'running'>): ConsumeLayer {
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
export function traced<DB>(
  parts: Pick<LayerParts<DB>, 'consumer' | 'clock' | 'random' | 'spans'>,
): ConsumeLayer {
  const { consumer, clock, random, spans } = parts;
  return (next) => async (incoming) => {
    const { envelope, delivery } = incoming;
    const trace = childTrace(envelope?.trace, random);
    const startMs = clock.now();
    const start = clock.monotonic();
    const record = (status: string): void => {
      spans.record({
        ...trace,
        ...(envelope?.trace && { parentSpanId: envelope.trace.spanId }),
        kind: 'consumer',
        name: envelope?.type ?? delivery.subject,
        startMs,
        durationUs: Math.round((clock.monotonic() - start) * 1000),
        status,
        peer: consumer,
        attempts: delivery.deliveries,
      });
    };
    try {
      const verdict = await next({ ...incoming, trace });
      // A duplicate is no work: the span of the first time stands.
      if (verdict.kind === 'nak') record(MeshError.from(verdict.error).status);
      else if (verdict.outcome === 'done') record('OK');
      else if (verdict.outcome === 'dead') record('DEAD_LETTERED');
      else if (verdict.outcome === 'expired') record('EXPIRED');
      else if (verdict.outcome === 'refused') record(verdict.error.status);
      return verdict;
    } catch (thrown) {
      record(MeshError.from(thrown).status);
      throw thrown;
    }
  };
}

/** Counts what a message is to blame for; tries again a few times, then makes it a dead letter. */
export function counted<DB>(parts: LayerParts<DB>): ConsumeLayer {
  const { consumer, inbox, write, maxDeliveries, retry, clock, random, log } = parts;
  return (next) => async (incoming) => {
    try {
      return await next(incoming);
    } catch (thrown) {
      if (incoming.signal.aborted || blame(thrown) === 'world') throw thrown;
      const { id: eventId, delivery } = incoming;
      const error = MeshError.from(thrown);
      const limit = error.reason === undecodable ? 1 : maxDeliveries;
      const atMs = clock.now();
      const failure = failureOf(thrown, { atMs, delivery: delivery.deliveries });
      const giveUp = { eventId, failure, limit };
      const failures = await inbox.failed(giveUp, async (tx, history) => {
        await writeDeadLetter(tx, { consumer, eventId, delivery, history, atMs }, random);
        if (replies(parts, incoming)) await refuse(write, tx, incoming, error);
      });
      if (failures < limit) {
        log.warn('a handler failed; the event comes again', { id: eventId, failures, err: thrown });
        return { kind: 'nak', delayMs: retryDelayMs(failures, retry, random), error };
      }
      log.error('an event became a dead letter', { id: eventId, failures, err: thrown });
      return { kind: 'ack', outcome: 'dead' };
    }
  };
}

/** Innermost: reads the message, and runs its handler together with the inbox row. */
export function effectOnce<DB>(parts: LayerParts<DB>): Consume {
  const { inbox, write } = parts;
  return async (incoming) => {
    const { id, envelope, delivery, trace } = incoming;
    const handle = decode(parts, incoming);
    const facts = { ...factsOf(id, envelope), trace, deliveries: delivery.deliveries };
    const effect = (tx: Transaction<DB>): Promise<void> =>
      inTime(parts, incoming, async (signal) => {
        const reply = await handle({ ...facts, tx, signal });
        const { asked } = facts;
        if (asked === undefined) return;
        await reply?.((type, message) => writeReply(write, tx, asked, [type, message]));
      });
    const outcome = await inbox.once(id, effect, incoming.signal);
    return outcome === 'done' ? { kind: 'ack', outcome } : skipped;
  };
}

function factsOf(
  id: string,
  envelope: Envelope | undefined,
): Omit<EventContext<never>, 'tx' | 'signal' | 'trace' | 'deliveries'> {
  const { type = '', source = '', key = '', timeMs = 0 } = envelope ?? {};
  const { correlationId = id, causationId } = envelope ?? {};
  const asked = askedBy(id, envelope);
  return { id, type, asked, correlationId, causationId, source, key, timeMs };
}

/**
 * Gives the handler its time and its context: trace, deadline and signal reach the calls that it makes, and
 * what it publishes follows from this message. The time begins with the transaction: how long the line for
 * the database is, is not the message's fault.
 */
async function inTime<DB>(
  { clock, handlerTimeoutMs }: Pick<LayerParts<DB>, 'clock' | 'handlerTimeoutMs'>,
  { id, envelope, trace, signal: stop }: Incoming,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { correlationId = id, expiresMs = Infinity } = envelope ?? {};
  const limitMs = Math.min(handlerTimeoutMs, expiresMs - clock.now());
  const over = new AbortController();
  const { promise: given, reject } = Promise.withResolvers<never>();
  const giveUp = (error: MeshError): void => {
    over.abort(error);
    reject(error);
  };
  const onStop = (): void => {
    giveUp(aborted(stop, 'a handler'));
  };
  stop.addEventListener('abort', onStop, { once: true });
  const cancel = clock.after(limitMs, () => {
    giveUp(
      new MeshError(`the handler took longer than ${String(limitMs)} ms`, {
        status: 'DEADLINE_EXCEEDED',
        reason: handlerTimeout,
      }),
    );
  });
  const deadline = deadlineIn(limitMs, clock);
  const context = { trace, deadline, signal: over.signal, cause: { id, correlationId } };
  try {
    await Promise.race([runInContext(context, () => work(over.signal)), given]);
  } finally {
    cancel();
    stop.removeEventListener('abort', onStop);
  }
}

function decode<DB>(
  { handlers, image }: Pick<LayerParts<DB>, 'handlers' | 'image'>,
  { envelope, body }: Incoming,
): ReturnType<EventHandler<DB>['decode']> {
  const handler = handlers.get(envelope?.type ?? '');
  if (handler === undefined) {
    throw unreadable('it lacks the headers ce-id and ce-type', undefined);
  }
  try {
    return handler.decode(bytesOf(body, envelope?.type ?? '', image));
  } catch (thrown) {
    throw unreadable(`it is no ${handler.typeName}: ${describe(thrown)}`, thrown);
  }
}

function unreadable(why: string, cause: unknown): MeshError {
  return new MeshError(`the event cannot be read: ${why}`, {
    status: 'DATA_LOSS',
    reason: undecodable,
    cause,
  });
}
