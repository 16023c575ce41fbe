/**
 * "Brokerless: less latency and traffic, but both must be up; broker: loose coupling, buffering": the same
 * notifications through nats-server and over a gRPC stream, while the receiver is there and while it is away.
 */
import { type Order, OrderStatus, OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { type Closeable, systemClock } from '#mesh';
import { implement } from '../../mesh/app/options.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createInProcessMesh } from '../../mesh/testing/in-process.ts';
import { createPushable, type Pushable } from '../../mesh/testing/pushable.ts';
import { orders } from '../../mesh/testing/shop-handlers.ts';
import { percentile, rounded } from '../suite/stats.ts';
import { channel, messageOf, openBroker, orderOf } from './bus.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Effort, Experiment } from './experiment.ts';

const perSecond = 200;
/** Of each part: the receiver is there, then away, then there again. */
const partMs = { full: 5_000, short: 1_000 };

/** A way from the one who notifies to the one who is notified. */
interface Way extends Closeable {
  send(id: string): Promise<void>;
  /** The receiver comes, and tells what it hears until it leaves. */
  receive(heard: (id: string) => void): Promise<Closeable>;
}

interface Seen {
  readonly way: string;
  readonly sent: number;
  readonly lost: number;
  /** While the receiver is there, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** From the receiver's return until it has heard what it missed, in ms; null if it never does. */
  readonly caughtUpMs: number | null;
}

export const brokerless: Experiment = {
  name: 'brokerless',
  async run(say, effort) {
    say('a stream of gRPC');
    const stream = await play('gRPC stream', await openStream(), effort);
    say('nats-server');
    const broker = await play('broker (JetStream)', await openBus(), effort);
    return {
      claims: claimsOf(stream, broker),
      bars: [{ name: 'brokerless-broker-lost', value: broker.lost, ...none }],
      data: { stream, broker },
      charts: {},
      tables: { brokerless: table([stream, broker]) },
    };
  },
};

const none = { op: '<=', bar: 0, unit: 'notifications' } as const;

async function play(name: string, way: Way, effort: Effort): Promise<Seen> {
  const sentAt = new Map<string, number>();
  const heardAt = new Map<string, number>();
  const hear = (id: string): void => {
    if (!heardAt.has(id)) heardAt.set(id, systemClock.monotonic());
  };
  const send = async (part: string): Promise<readonly string[]> => {
    const begin = systemClock.monotonic();
    const ids: string[] = [];
    for (let now = begin; now - begin < partMs[effort]; now = systemClock.monotonic()) {
      while (ids.length < ((now - begin) * perSecond) / 1000) {
        const id = `${part}-${String(ids.length)}`;
        ids.push(id);
        sentAt.set(id, systemClock.monotonic());
        await way.send(id);
      }
      await systemClock.sleep(1);
    }
    return ids;
  };
  const first = await way.receive(hear);
  const there = await send('there');
  await eventually(() => there.every((id) => heardAt.has(id)), { withinMs: 10_000 });
  await first.close();
  const away = await send('away');
  const back = systemClock.monotonic();
  const second = await way.receive(hear);
  await send('again');
  const all = [...sentAt.keys()];
  // What is not heard a while after the last one was sent is not heard at all.
  const whole = (): boolean => all.every((id) => heardAt.has(id));
  await eventually(whole, { withinMs: 5_000 }).catch(() => undefined);
  await second.close();
  await way.close();
  const latencies = there.map((id) => (heardAt.get(id) ?? 0) - (sentAt.get(id) ?? 0));
  const missed = away.map((id) => heardAt.get(id)).filter((at) => at !== undefined);
  const caughtUp = missed.length === away.length ? Math.max(...missed) - back : undefined;
  return {
    way: name,
    sent: all.length,
    lost: all.filter((id) => !heardAt.has(id)).length,
    p50: rounded(percentile(latencies, 0.5)),
    p99: rounded(percentile(latencies, 0.99)),
    caughtUpMs: caughtUp === undefined ? null : Math.round(caughtUp),
  };
}

/** The receiver holds a stream to the sender, who keeps nothing: who is not there is not told. */
async function openStream(): Promise<Way> {
  const mesh = createInProcessMesh();
  const listeners = new Set<Pushable<{ order: Order }>>();
  await mesh.start({
    name: 'orders',
    build: () => ({
      services: [
        implement(
          OrdersServiceDefinition,
          orders({
            async *watchOrder(_request, { signal }) {
              const news = createPushable<{ order: Order }>();
              listeners.add(news);
              signal.addEventListener('abort', () => listeners.delete(news), { once: true });
              yield* news;
            },
          }),
        ),
      ],
    }),
  });
  const client = mesh.client(OrdersServiceDefinition);
  return {
    send(id) {
      for (const listener of listeners) listener.push({ order: orderNamed(id) });
      return Promise.resolve();
    },
    async receive(heard) {
      const leaving = new AbortController();
      const { signal } = leaving;
      const reading = (async () => {
        for await (const { order } of client.watchOrder({ orderId: 'ord_all' }, { signal })) {
          if (order !== undefined) heard(order.orderId);
        }
      })().catch(() => undefined);
      await eventually(() => listeners.size > 0);
      return {
        async close() {
          leaving.abort();
          await reading;
          await eventually(() => listeners.size === 0);
        },
      };
    },
    close: () => mesh.close(),
  };
}

async function openBus(): Promise<Way> {
  const broker = await openBroker();
  return {
    async send(id) {
      await broker.bus.publish([messageOf(id)]);
    },
    receive(heard) {
      const reading = broker.bus.consume({
        ...{ channel: { name: channel }, consumer: 'notified', subjects: [`${channel}.>`] },
        maxInFlight: 1_000,
        onDelivery(delivery) {
          heard(orderOf(delivery));
          delivery.ack();
        },
      });
      return Promise.resolve(reading);
    },
    close: () => broker.close(),
  };
}

function orderNamed(orderId: string): Order {
  return {
    ...{ orderId, customerId: 'cus_1', lines: [], status: OrderStatus.CONFIRMED },
    ...{ declineReason: '', total: undefined, createdAt: undefined, updatedAt: undefined },
  };
}

function claimsOf(stream: Seen, broker: Seen): readonly Claim[] {
  const source = sources.interprocess;
  const setup = `${String(perSecond)} notifications a second to one receiver on the same host, through nats-server (stored, acked) and over a gRPC server stream; the receiver is away for a third of the time.`;
  return [
    {
      claim: 'Without a broker a notification arrives sooner.',
      ...{ source, setup, held: stream.p50 < broker.p50 },
      result: `p50 ${String(stream.p50)} ms over the stream, ${String(broker.p50)} ms through the broker.`,
    },
    {
      claim: 'Without a broker both must be up: what is sent while the receiver is away is lost.',
      ...{ source, setup, held: stream.lost > 0 },
      result: `${String(stream.lost)} of ${String(stream.sent)} lost.`,
    },
    {
      claim: 'A broker keeps what is sent while the receiver is away.',
      ...{ source, setup, held: broker.lost === 0 },
      result: `${String(broker.lost)} of ${String(broker.sent)} lost; what was missed was heard ${String(broker.caughtUpMs)} ms after the return.`,
    },
  ];
}

function table(seen: readonly Seen[]): string {
  return markdownTable(
    ['way', 'sent', 'lost', 'p50 ms', 'p99 ms', 'what was missed, heard after'],
    seen.map(({ way, sent, lost, p50, p99, caughtUpMs }) => {
      return [
        way,
        sent,
        lost,
        p50,
        p99,
        caughtUpMs === null ? 'never' : `${String(caughtUpMs)} ms`,
      ];
    }),
  );
}
