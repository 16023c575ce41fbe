import { connect, headers, type NatsConnection } from 'nats';
import { systemRandom } from '../kernel/random.ts';

/** Which message is meant: the newest of its type and key. */
export interface StoredMessage {
  readonly channel: string;
  /** The full name of its type. */
  readonly type: string;
  readonly key: string;
}

/** Deletes a message from its channel: who has not heard it never will. Throws when it is not there. */
export function loseMessage(url: string, wanted: StoredMessage): Promise<void> {
  return connected(url, async (nats) => {
    const { seq } = await newest(nats, wanted);
    const { streams } = await nats.jetstreamManager();
    await streams.deleteMessage(wanted.channel, seq);
  });
}

/** Sends it again as another message that says the same: no inbox knows its id. Throws when it is not there. */
export function repeatMessage(url: string, wanted: StoredMessage): Promise<void> {
  return connected(url, async (nats) => {
    const { subject, data, header } = await newest(nats, wanted);
    const again = headers();
    for (const name of header.keys()) again.set(name, header.get(name));
    const id = `again-${systemRandom.hex(8)}`;
    again.set('ce-id', id);
    again.set('Nats-Msg-Id', id);
    await nats.jetstream().publish(subject, data, { headers: again });
  });
}

/** Deletes the place of a consumer, as `nats consumer rm` does: when it comes back, it begins with the oldest message. */
export function forgetConsumer(url: string, channel: string, consumer: string): Promise<void> {
  return connected(url, async (nats) => {
    const { consumers } = await nats.jetstreamManager();
    await consumers.delete(channel, consumer);
  });
}

async function connected(
  url: string,
  work: (nats: NatsConnection) => Promise<void>,
): Promise<void> {
  const nats = await connect({ servers: url });
  try {
    await work(nats);
  } finally {
    await nats.close();
  }
}

async function newest(nats: NatsConnection, { channel, type, key }: StoredMessage) {
  const { streams } = await nats.jetstreamManager();
  const { last_seq: last } = (await streams.info(channel)).state;
  for (let seq = last; seq > 0; seq--) {
    const message = await streams.getMessage(channel, { seq }).catch(() => undefined);
    const { header } = message ?? {};
    if (message && header?.get('ce-type') === type && header.get('weft-key') === key) {
      return message;
    }
  }
  throw new Error(`${channel} holds no ${type} of ${key}`);
}
