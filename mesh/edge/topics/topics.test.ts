/** Topics over real sockets and a real nats-server; the events are the shop's. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { OrderDeclined } from '../../../gen/shop/orders/v1/events.ts';
import { createEvents, type Events } from '../../events/events.ts';
import { createJetStreamBus } from '../../events/jetstream/bus.ts';
import { eventMigrations } from '../../events/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { weftImage } from '../../schema/image.ts';
import { openStore, type Store } from '../../store/store.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { createSocketClient, type SocketClient } from '../socket/client.ts';
import { createSocketDoor } from '../socket/door.ts';
import type { Frame } from '../socket/frame.ts';
import type { TopicSource } from './source.ts';
import { checkPlace } from './subscription.ts';
import { createTopics } from './topics.ts';

const ports = { clock: systemClock, random: systemRandom, log: silentLog };
let nats: NatsServer;
let opened: Closeable[];
let store: Store<unknown>;
let events: Events<unknown>;
let address: string;
let published = 0;

beforeAll(async () => {
  nats = await startNats();
}, 60_000);
afterAll(() => nats.close());

beforeEach(async () => {
  opened = [];
  const bus = createJetStreamBus({ servers: [nats.url], ...ports });
  store = await openStore<unknown>({ url: 'sqlite::memory:', migrations: eventMigrations });
  events = createEvents({ image: weftImage(), store, bus, source: 'orders', ...ports });
  opened.push(store, bus, events);
  events.start();
  const topics = createTopics({
    ...{ events, image: weftImage(), windowEvents: 8, subscriptions: 2 },
    topics: {
      declined: { types: [OrderDeclined] },
      own: {
        types: [OrderDeclined],
        allow({ subject }, { fields }) {
          if (fields?.['customerId'] === subject) return;
          throw new MeshError('only your own', { status: 'PERMISSION_DENIED' });
        },
      },
    },
  });
  const door = createSocketDoor({ verbs: topics.verbs });
  const server: Server = createServer();
  server.on('upgrade', (incoming, socket, head) => {
    door.accept({ incoming, principal: { subject: 'ada' } }, socket, head);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  opened.push(topics, { close: async () => void server.close() }, door);
});
afterEach(() => closeAll(opened));

/** Publishes so many, numbered on through all tests; gives their order ids. */
async function publish(count: number, customerId = 'ada'): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `ord-${String(++published)}`);
  for (const orderId of ids) {
    const declined = { orderId, customerId, reason: 'CARD_DECLINED', occurredAt: undefined };
    await store.transaction((tx) => events.publish(tx, OrderDeclined, declined));
  }
  return ids;
}

interface Subscriber {
  readonly client: SocketClient;
  /** Frames by their type. */
  heard(type: string): Frame[];
  /** Order ids, as they came. */
  orders(): unknown[];
}

/** Subscribes on every connection behind the last place that it has. */
function subscriber(request: object, place?: number): Subscriber {
  const frames: Frame[] = [];
  let last = place;
  const client = createSocketClient({
    address: () => address,
    async onOpen(ask) {
      const after = last === undefined ? {} : { after: last };
      const answer = await ask({ type: 'subscribe', ...request, ...after });
      last ??= Number(answer['after']);
    },
    onFrame(frame) {
      frames.push(frame);
      if (frame.type === 'event') last = Number(frame['sequence']);
    },
  });
  opened.push(client);
  const heard = (type: string): Frame[] => frames.filter((frame) => frame.type === type);
  return { client, heard, orders: () => heard('event').map(({ key }) => key) };
}

test('an event comes to all who subscribe, as JSON of the schema, with its place', async () => {
  const [one, two] = [subscriber({ topic: 'declined' }), subscriber({ topic: 'declined' })];
  await eventually(() => one.client.state === 'open' && two.client.state === 'open');
  const ids = await publish(30);
  await eventually(() => one.orders().length === 30 && two.orders().length === 30);
  expect(one.orders()).toEqual(ids);
  expect(one.heard('event')[0]).toMatchObject({
    ...{ type: 'event', event: 'shop.orders.v1.OrderDeclined', key: ids[0] },
    ...{ subscription: expect.any(String), sequence: expect.any(Number) },
    data: { orderId: ids[0], customerId: 'ada', reason: 'CARD_DECLINED' },
  });
});

test('who comes back behind its last place misses nothing and gets nothing twice', async () => {
  const it = subscriber({ topic: 'declined' });
  await eventually(() => it.client.state === 'open');
  const ids: string[] = [];
  for (let round = 0; round < 4; round++) {
    // More than the window holds, while nobody listens.
    if (round % 2 === 1) it.client.drop();
    ids.push(...(await publish(25)));
  }
  await eventually(() => it.orders().length === 100);
  expect(it.orders()).toEqual(ids);
  expect(it.client.connected).toBeGreaterThan(1);
});

test('who asks for everything from a place gets what was before the window as well', async () => {
  const before = await events.channelOf(OrderDeclined);
  const ids = await publish(40);
  const late = subscriber({ topic: 'declined' }, before?.lastSequence ?? 0);
  await eventually(() => late.orders().length === 40);
  ids.push(...(await publish(20)));
  await eventually(() => late.orders().length === 60);
  expect(late.orders()).toEqual(ids);
});

test('a filter lets through what was asked for, and tells the place of what it did not', async () => {
  const it = subscriber({ topic: 'declined', filter: { fields: { customerId: 'bob' } } });
  await eventually(() => it.client.state === 'open');
  await publish(210, 'eve');
  const ids = await publish(2, 'bob');
  await eventually(() => it.orders().length === 2);
  expect(it.orders()).toEqual(ids);
  expect(it.heard('place')).toHaveLength(1);
});

test('what cannot be subscribed to is refused with the reason', async () => {
  const client = createSocketClient({ address: () => address });
  opened.push(client);
  const ask = (request: object): Promise<unknown> =>
    errorOf(client.request({ type: 'subscribe', ...request }));
  expect(await ask({ topic: 'nothing' })).toMatchObject({ reason: 'NO_SUCH_TOPIC' });
  expect(await ask({ topic: 'declined', filter: { x: 1 } })).toMatchObject({
    reason: 'INVALID_FIELDS',
  });
  expect(await ask({ topic: 'own' })).toMatchObject({ status: 'PERMISSION_DENIED' });
  expect(await ask({ topic: 'declined', after: 1_000_000 })).toMatchObject({
    ...{ status: 'OUT_OF_RANGE', reason: 'PLACE_UNKNOWN' },
  });
  const own = { type: 'subscribe', topic: 'own', filter: { fields: { customerId: 'ada' } } };
  const { subscription } = await client.request(own);
  await client.request(own);
  expect(await ask(own)).toMatchObject({ reason: 'TOO_MANY_SUBSCRIPTIONS' });
  await client.request({ type: 'unsubscribe', subscription });
  await eventually(async () => (await client.request(own)).type === 'ok');
});

test('a place whose successors are no longer kept is refused, with the first that is', async () => {
  const state = { identity: 'a', firstSequence: 10, lastSequence: 20 };
  const source = { state: async () => state } as Pick<TopicSource, 'state'> as TopicSource;
  await checkPlace(source, 9);
  await checkPlace(source, 20);
  expect(await errorOf(checkPlace(source, 8))).toMatchObject({
    ...{ status: 'OUT_OF_RANGE', reason: 'PLACE_GONE', details: { facts: { first: '10' } } },
  });
});
