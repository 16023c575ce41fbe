import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import {
  type Closeable,
  childTrace,
  silentLog,
  sortableId,
  systemClock,
  systemRandom,
} from '#mesh';
import type { Bus, Delivery, Outgoing } from '../../mesh/events/bus/bus.ts';
import { toHeaders } from '../../mesh/events/envelope.ts';
import { createJetStreamBus } from '../../mesh/events/jetstream/bus.ts';
import { confirmed } from '../../mesh/testing/events-rig.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { startNats } from '../../mesh/testing/nats.ts';

/** The channel of the experiments that need one: that of the shop's orders. */
export const channel = 'shop-orders';

const ports = { clock: systemClock, random: systemRandom, log: silentLog };

export function openBus(nats: string): Bus {
  return createJetStreamBus({ servers: [nats], ...ports });
}

/** A nats-server of the experiment's own, with the channel, and a folder for databases. */
export interface Broker extends Closeable {
  readonly url: string;
  readonly bus: Bus;
  readonly folder: string;
}

export async function openBroker(): Promise<Broker> {
  const server = await startNats();
  const folder = await mkdtemp(join(tmpdir(), 'weft-claims-'));
  const bus = openBus(server.url);
  await bus.ensureChannel({ name: channel });
  return {
    ...{ url: server.url, bus, folder },
    async close() {
      await bus.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A message as somebody publishes it who has the bus and no outbox. */
export function envelop({
  type,
  key,
  ...rest
}: Pick<Outgoing, 'channel' | 'subject' | 'data'> & {
  readonly type: string;
  readonly key: string;
}): Outgoing {
  const timeMs = systemClock.now();
  const id = sortableId(timeMs, systemRandom);
  const trace = childTrace(undefined, systemRandom);
  return { ...rest, id, headers: toHeaders({ id, type, source: 'orders', key, timeMs, trace }) };
}

/** OrderConfirmed of this order. */
export function messageOf(orderId: string): Outgoing {
  return envelop({
    ...{ channel, subject: `${channel}.OrderConfirmed`, key: orderId },
    type: OrderConfirmed.$type,
    data: OrderConfirmed.encode(confirmed(orderId)).finish(),
  });
}

export function orderOf({ data }: Pick<Delivery, 'data'>): string {
  return OrderConfirmed.decode(data).orderId;
}

/** The orders of all messages that the channel holds, in its order. */
export async function storedOrders({ url, bus }: Broker): Promise<readonly string[]> {
  const plain = await connect({ servers: url });
  const { streams } = await plain.jetstreamManager();
  const { messages } = (await streams.info(channel)).state;
  await plain.close();
  const stored = new Map<number, string>();
  const reading = bus.consume({
    ...{ channel: { name: channel }, consumer: `reader-${systemRandom.hex(4)}` },
    ...{ subjects: [`${channel}.>`], maxInFlight: 1_000 },
    onDelivery(delivery) {
      stored.set(delivery.sequence, orderOf(delivery));
      delivery.ack();
    },
  });
  await eventually(() => stored.size >= messages, { withinMs: 60_000 });
  await reading.close();
  return [...stored].sort(([a], [b]) => a - b).map(([, orderId]) => orderId);
}

/** How many messages a durable consumer of the channel has still to get, or to ack. */
export async function outstanding(url: string, consumers: readonly string[]): Promise<number> {
  const plain = await connect({ servers: url });
  const manager = await plain.jetstreamManager();
  const counts = await Promise.all(
    consumers.map(async (consumer) => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(channel, consumer);
      return num_pending + num_ack_pending;
    }),
  );
  await plain.close();
  return counts.reduce((sum, count) => sum + count, 0);
}
