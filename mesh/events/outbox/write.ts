import type { Clock } from '../../kernel/clock.ts';
import { childTrace, currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Random, sortableId } from '../../kernel/random.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Validator } from '../../schema/validate.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { EventMetrics } from '../../telemetry/event-meters.ts';
import { type SpanSink, samplingOf } from '../../telemetry/spans.ts';
import type { Outgoing } from '../bus/bus.ts';
import { type Envelope, toHeaders } from '../envelope.ts';
import type { Outbox } from './outbox.ts';

export interface WriterOptions<DB> {
  readonly validator: Validator;
  /** The name of the service. */
  readonly source: string;
  readonly store: Store<DB>;
  readonly outbox: Outbox<DB>;
  readonly clock: Clock;
  readonly random: Random;
  readonly spans: SpanSink;
  readonly metrics: EventMetrics;
}

/** A message on its way into the outbox: what is not derived from the work that writes it. */
export type Letter<T> = Pick<Outgoing, 'channel' | 'subject'> &
  Pick<Envelope, 'key' | 'replyTo' | 'expiresMs'> & {
    readonly type: MessageType<T>;
    readonly message: T;
    /** When it leaves, in wall ms. Default: with the commit. */
    readonly notBefore?: number;
    /** It is one of gRPC's own, which not every schema holds; so it is not checked. */
    readonly unchecked?: true;
    /** What it follows from. Default: the message that is being handled, if any. */
    readonly cause?: { readonly id: string; readonly correlationId: string } | undefined;
  };

/** Writes a message into the outbox; resolves with its id. */
export type Write<DB> = <T extends object>(
  tx: Transaction<DB>,
  letter: Letter<T>,
) => Promise<string>;

/**
 * nats-server takes messages up to 1 MiB, headers included, unless it is told otherwise. Source:
 * docs.nats.io, max_payload. What is larger would wait in the outbox forever, so it is refused here.
 */
const largestPayload = 1024 * 1024 - 16 * 1024;

/** Writes messages of every style, checked against the schema, with the span that published them. */
export function createWrite<DB>(options: WriterOptions<DB>): Write<DB> {
  const { source, store, outbox, clock, random, spans, metrics } = options;
  return async (tx, letter) => {
    const { type, message, channel, subject, cause } = letter;
    const violations = letter.unchecked ? [] : options.validator.check(type.$type, message);
    if (violations.length > 0)
      throw MeshError.invalid(`${type.$type} is not published`, violations);
    const data = type.encode(message).finish();
    if (data.length > largestPayload) throw tooLarge(type.$type, data.length);
    const context = currentContext();
    const { trace: parent, baggage } = context;
    const trace = childTrace(parent, random);
    const startMs = clock.now();
    const start = clock.monotonic();
    const id = sortableId(startMs, random);
    const from = cause ?? context.cause;
    const headers = toHeaders({
      ...{ ...wishes(letter), id, type: type.$type, source, timeMs: startMs, trace },
      ...(baggage && { baggage }),
      correlationId: from?.correlationId ?? id,
      ...(from && { causationId: from.id }),
    });
    const { key, notBefore } = letter;
    await outbox.add(tx, { channel, subject, id, headers, data, key }, notBefore);
    const span = {
      ...{ traceId: trace.traceId, spanId: trace.spanId },
      ...(parent && { parentSpanId: parent.spanId }),
      kind: 'producer',
      name: type.$type,
      startMs,
      durationUs: Math.round((clock.monotonic() - start) * 1000),
      status: 'OK',
      peer: channel,
      attempts: 1,
      ...samplingOf(trace),
    } as const;
    // After the commit, so that no trace shows an event that was rolled back.
    store.onCommit(tx, () => {
      spans.record(span);
      metrics.published(channel);
    });
    return id;
  };
}

function wishes<T>({
  key,
  replyTo,
  expiresMs,
}: Letter<T>): Pick<Envelope, 'key' | 'replyTo' | 'expiresMs'> {
  return {
    key,
    ...(replyTo !== undefined && { replyTo }),
    ...(expiresMs !== undefined && { expiresMs }),
  };
}

function tooLarge(typeName: string, size: number): MeshError {
  return new MeshError(
    `${typeName} has ${String(size)} bytes, and an event may have ${String(largestPayload)}; publish where the large part can be fetched instead`,
    { status: 'INVALID_ARGUMENT', reason: 'EVENT_TOO_LARGE' },
  );
}
