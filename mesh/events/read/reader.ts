import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Image } from '../../schema/image.ts';
import { bytesOf, type Received } from '../received.ts';
import type { ReadFacts } from './facts.ts';

/** Reads messages of one type; made by `onRead`. */
export interface Reader {
  /** The full name of the type, as "shop.orders.v1.OrderConfirmed". */
  readonly typeName: string;
  /** Throws when the bytes are not readable; what is returned reads the message. */
  decode(data: Uint8Array): (facts: ReadFacts) => void | Promise<void>;
}

/** Reads messages of one type, as `onRead(OrderConfirmed, ({ orderId }, { sequence }) => ...)`. */
export function onRead<T>(
  type: MessageType<T>,
  read: (message: T, facts: ReadFacts) => void | Promise<void>,
): Reader {
  return {
    typeName: type.$type,
    decode(data) {
      const message = type.decode(data);
      return (facts) => read(message, facts);
    },
  };
}

interface Unread {
  readonly body: Received['body'];
  readonly facts: ReadFacts;
  readonly image: Pick<Image, 'registry'>;
}

/** What reads the message. Throws DATA_LOSS/UNDECODABLE, which says how to go on without it. */
export function decode(
  reader: Reader,
  { body, facts, image }: Unread,
): ReturnType<Reader['decode']> {
  try {
    return reader.decode(bytesOf(body, reader.typeName, image));
  } catch (thrown) {
    throw new MeshError(
      `${facts.id}, at ${String(facts.sequence)}, is no ${reader.typeName}: ${describe(thrown)}; to go on without it, read from ${String(facts.sequence + 1)}`,
      { status: 'DATA_LOSS', reason: 'UNDECODABLE', cause: thrown },
    );
  }
}
