import type { ChannelState } from '../../events/bus/bus.ts';
import type { Events } from '../../events/events.ts';
import type { EventReading } from '../../events/read/read.ts';
import type { Reader } from '../../events/read/reader.ts';
import { MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Image } from '../../schema/image.ts';
import { bytesToJsonValue } from '../../schema/json.ts';

/** An event as clients see it. */
export interface TopicEvent {
  /** Its place: what a client says to go on behind it. */
  readonly sequence: number;
  readonly eventId: string;
  /** The full name of its type. */
  readonly type: string;
  readonly key: string;
  /** ISO 8601. */
  readonly time: string;
  /** The message in proto3 JSON, as the schema says. */
  readonly data: unknown;
}

/** Where the events of a topic come from. */
export interface TopicSource {
  /** Reads from a place on, one after another; the next one waits for the promise of the one before. */
  read(from: number | 'now', onEvent: (event: TopicEvent) => void | Promise<void>): EventReading;
  /** How its channel stands; undefined before its first event. */
  state(): Promise<ChannelState | undefined>;
}

export interface TopicSourceOptions {
  readonly events: Pick<Events<never>, 'read' | 'channelOf'>;
  readonly image: Image;
  /** Of one channel; at least one. */
  readonly types: readonly Pick<MessageType, '$type'>[];
}

export function createTopicSource({ events, image, types }: TopicSourceOptions): TopicSource {
  const [first] = types;
  if (first === undefined) {
    throw new MeshError('a topic shows nothing; name the types of its events', {
      ...{ status: 'INVALID_ARGUMENT', reason: 'EMPTY_TOPIC' },
    });
  }
  return {
    read(from, onEvent) {
      const readers = types.map(({ $type: type }): Reader => readerOf(type, image, onEvent));
      return events.read({ readers, from });
    },
    state: () => events.channelOf(first),
  };
}

function readerOf(
  type: string,
  image: Image,
  onEvent: (event: TopicEvent) => void | Promise<void>,
): Reader {
  return {
    typeName: type,
    decode(bytes) {
      const data = bytesToJsonValue(image, type, bytes);
      return ({ sequence, id: eventId, key, timeMs }) =>
        onEvent({ sequence, eventId, type, key, time: new Date(timeMs).toISOString(), data });
    },
  };
}
