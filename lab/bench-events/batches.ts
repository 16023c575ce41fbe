import { createInbox, type Msg, type NatsConnection } from 'nats';
import type { Outgoing } from '../../mesh/events/bus/bus.ts';
import { headersOf } from '../../mesh/events/jetstream/message.ts';

/** What the server says of a batch: the end of it, how far it got, or what is wrong. */
interface BatchAck {
  readonly batch?: string;
  readonly seq?: number;
  readonly msgs?: number;
  readonly error?: object;
}

/**
 * The server's own two ways to take many messages, which are not weft's (docs/decisions/0013): spoken here as
 * the server describes them, as fast as one can. Source: ADR-50 of nats-architecture-and-design.
 */

/** All or none of so many messages at a time, two batches on their way. */
export async function publishAtomic(
  plain: NatsConnection,
  messages: readonly Outgoing[],
  size: number,
): Promise<void> {
  let next = 0;
  const batches = async (): Promise<void> => {
    while (next < messages.length) {
      const from = next;
      next += size;
      await atomicBatch(plain, messages.slice(from, from + size));
    }
  };
  await Promise.all([batches(), batches()]);
}

async function atomicBatch(plain: NatsConnection, messages: readonly Outgoing[]): Promise<void> {
  const inbox = createInbox();
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const subscription = plain.subscribe(inbox, {
    callback(_, msg) {
      // The first message is answered with nothing.
      if (msg.data.length === 0) return;
      if (msg.json<BatchAck>().error === undefined) resolve(undefined);
      else reject(new Error(msg.string()));
    },
  });
  for (const [i, message] of messages.entries()) {
    const last = i === messages.length - 1;
    const batch = {
      'Nats-Batch-Id': inbox,
      'Nats-Batch-Sequence': String(i + 1),
      ...(last && { 'Nats-Batch-Commit': '1' }),
    };
    const headers = headersOf({ ...message, headers: { ...message.headers, ...batch } });
    const reply = i === 0 || last ? { reply: inbox } : {};
    plain.publish(message.subject, message.data, { headers, ...reply });
  }
  await promise;
  subscription.unsubscribe();
}

/** One ack for so many messages, as many acks outstanding as the server's authors advise. */
export async function publishFast(
  plain: NatsConnection,
  messages: readonly Outgoing[],
  flow: number,
): Promise<void> {
  const inbox = createInbox();
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  let [sent, acked, every] = [0, 0, 1];
  const pump = (): void => {
    while (sent < messages.length && sent - acked < 2 * every) {
      const message = messages[sent++];
      if (message === undefined) return;
      const operation = sent === 1 ? 0 : sent === messages.length ? 2 : 1;
      const reply = `${inbox}.${flow}.fail.${sent}.${operation}.$FI`;
      plain.publish(message.subject, message.data, { reply, headers: headersOf(message) });
      // The first ack says how fast the server wants it.
      if (sent === 1) return;
    }
  };
  const onAck = (msg: Msg): void => {
    const ack = msg.json<BatchAck>();
    if (ack.error !== undefined) reject(new Error(msg.string()));
    else if (ack.batch !== undefined) resolve(undefined);
    else {
      acked = Math.max(acked, ack.seq ?? 0);
      every = ack.msgs ?? every;
      pump();
    }
  };
  const subscription = plain.subscribe(`${inbox}.>`, {
    callback: (_, msg) => {
      onAck(msg);
    },
  });
  pump();
  await promise;
  subscription.unsubscribe();
}
