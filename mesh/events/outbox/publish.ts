import type { Clock } from '../../kernel/clock.ts';
import { childTrace, currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Random, sortableId } from '../../kernel/random.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Image } from '../../schema/image.ts';
import type { Validator } from '../../schema/validate.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { subjectOf } from '../bus/subject.ts';
import { toHeaders } from '../envelope.ts';
import type { Outbox } from './outbox.ts';

export interface PublisherOptions<DB> {
  readonly image: Pick<Image, 'event'>;
  readonly validator: Validator;
  readonly source: string;
  readonly store: Store<DB>;
  readonly outbox: Outbox<DB>;
  readonly clock: Clock;
  readonly random: Random;
  readonly spans: SpanSink;
}

export type Publish<DB> = <T extends object>(
  tx: Transaction<DB>,
  type: MessageType<T>,
  message: T,
) => Promise<string>;

/**
 * nats-server takes messages up to 1 MiB, headers included, unless it is told otherwise. Source:
 * docs.nats.io, max_payload. What is larger would wait in the outbox forever, so it is refused here.
 */
const largestPayload = 1024 * 1024 - 16 * 1024;

/** Writes events into the outbox, checked against the schema, with the span that published them. */
export function createPublish<DB>(options: PublisherOptions<DB>): Publish<DB> {
  const { image, source, store, outbox, clock, random, spans } = options;
  return async (tx, type, message) => {
    const event = eventOptions(image, type.$type);
    const violations = options.validator.check(type.$type, message);
    if (violations.length > 0)
      throw MeshError.invalid(`${type.$type} is not published`, violations);
    const data = type.encode(message).finish();
    if (data.length > largestPayload) throw tooLarge(type.$type, data.length);
    const parent = currentContext().trace;
    const trace = childTrace(parent, random);
    const startMs = clock.now();
    const start = clock.monotonic();
    const id = sortableId(startMs, random);
    const envelope = { id, type: type.$type, source, timeMs: startMs, trace };
    const { channel } = event;
    const key = keyOf(message, event.keyField);
    const headers = toHeaders({ ...envelope, key });
    const subject = subjectOf(event, type.$type, key);
    await outbox.add(tx, { channel, subject, id, headers, data });
    const span = {
      ...trace,
      ...(parent && { parentSpanId: parent.spanId }),
      kind: 'producer',
      name: type.$type,
      startMs,
      durationUs: Math.round((clock.monotonic() - start) * 1000),
      status: 'OK',
      peer: channel,
      attempts: 1,
    } as const;
    // After the commit, so that no trace shows an event that was rolled back.
    store.onCommit(tx, () => {
      spans.record(span);
    });
    return id;
  };
}

/** Where a type travels; throws for one that the schema does not mark as an event. */
export function eventOptions(
  image: Pick<Image, 'event'>,
  typeName: string,
): NonNullable<ReturnType<Image['event']>> {
  const event = image.event(typeName);
  if (event !== undefined) return event;
  throw new MeshError(
    `${typeName} is not an event: give the message the option (weft.v1.event) with a channel and a key, and run "make gen"`,
    { status: 'INVALID_ARGUMENT', reason: 'NOT_AN_EVENT' },
  );
}

function keyOf(message: object, keyField: string): string {
  const key: unknown = Reflect.get(message, keyField);
  return typeof key === 'string' ? key : '';
}

function tooLarge(typeName: string, size: number): MeshError {
  return new MeshError(
    `${typeName} has ${String(size)} bytes, and an event may have ${String(largestPayload)}; publish where the large part can be fetched instead`,
    { status: 'INVALID_ARGUMENT', reason: 'EVENT_TOO_LARGE' },
  );
}
