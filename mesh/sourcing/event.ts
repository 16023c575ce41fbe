import type { Events } from '../events/events.ts';
import type { TraceContext } from '../kernel/context.ts';
import type { MessageType } from '../schema/definition.ts';
import type { Transaction } from '../store/sql.ts';

/** Something that has happened and is not yet written; made by `happened`. */
export interface NewEvent {
  /** The full name of the message type. */
  readonly typeName: string;
  /** What has happened. */
  readonly message: object;
  /** Its bytes, as they are kept. */
  encode(): Uint8Array;
  /** Sends it where the schema says that it travels; gives the id of the event. */
  publish<DB>(events: Events<DB>, tx: Transaction<DB>): Promise<string>;
}

/** An event of a stream, as `happened(ItemSelected, { itemId })`. */
export function happened<T extends object>(type: MessageType<T>, message: T): NewEvent {
  return {
    typeName: type.$type,
    message,
    encode: () => type.encode(message).finish(),
    publish: (events, tx) => events.publish(tx, type, message),
  };
}

/** What is known of an event beside its message. */
export interface EventMeta {
  /** The id under which it was published; absent for what stays inside the service. */
  readonly eventId?: string;
  readonly trace?: TraceContext;
}

/** An event as it stands in the log. */
export interface RecordedEvent {
  /** Its place among all events of the database. */
  readonly position: number;
  /** "<aggregate>/<id>". */
  readonly stream: string;
  /** Its place within the stream, from 1. */
  readonly version: number;
  /** The full name of the message type under which it was written. */
  readonly typeName: string;
  /** Its bytes. */
  readonly data: Uint8Array;
  /** What was noted beside it. */
  readonly meta: EventMeta;
  /** Wall ms. */
  readonly recordedMs: number;
}

/** What an event of the past is read as; made by `upcasts`. */
export interface Upcast {
  readonly typeName: string;
  read(data: Uint8Array): readonly NewEvent[];
}

/**
 * Reads an event type that is not written any more as what is written today: one event, several, or none. A
 * field that was added needs none of this: in old events it has protobuf's default.
 */
export function upcasts<T>(
  type: MessageType<T>,
  read: (old: T) => NewEvent | readonly NewEvent[],
): Upcast {
  return { typeName: type.$type, read: (data) => [read(type.decode(data))].flat() };
}

/** An event of the log as it is read today: what no upcast is for is taken as it is. */
export function upcast(
  upcasters: ReadonlyMap<string, Upcast>,
  event: Pick<RecordedEvent, 'typeName' | 'data'>,
): readonly Pick<RecordedEvent, 'typeName' | 'data'>[] {
  const caster = upcasters.get(event.typeName);
  if (caster === undefined) return [event];
  // What it became may have a successor of its own.
  return caster
    .read(event.data)
    .flatMap((each) => upcast(upcasters, { typeName: each.typeName, data: each.encode() }));
}
