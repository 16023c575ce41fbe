/**
 * The bistro end to end: its services as `weft up` runs them, two kitchens among them, a real Consul and a real
 * nats-server between them. Whatever they say to each other goes through outbox, stream and inbox.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CouriersServiceDefinition } from '#gen/bistro/couriers/v1/couriers.ts';
import { KitchenServiceDefinition } from '#gen/bistro/kitchen/v1/kitchen.ts';
import { type Order, OrderState, WaiterServiceDefinition } from '#gen/bistro/waiter/v1/waiter.ts';
import { type Client, closeClient, createClient, createConsul, createConsulDiscovery } from '#mesh';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

const patience = { withinMs: 30_000, everyMs: 50 };
let folder: string;
let consul: ConsulServer;
let nats: NatsServer;
let discovery: ReturnType<typeof createConsulDiscovery>;
let waiter: Client<WaiterServiceDefinition>;
let kitchen: Client<KitchenServiceDefinition>;
let couriers: Client<CouriersServiceDefinition>;
const processes = new Map<string, ServiceProcess>();

/** The instance as a process; instances of one service share a database. */
function start(service: 'waiter' | 'kitchen' | 'couriers', instance: string): void {
  const env = {
    ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: instance },
    ...{ STORE: `sqlite:${join(folder, `${service}.db`)}`, OFFERS_MS: '700' },
  };
  const program = join(import.meta.dirname, service, 'main.ts');
  processes.set(instance, startServiceProcess(program, env));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-bistro-'));
  [consul, nats] = await Promise.all([startConsul(), startNats()]);
  discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const { resolver } = discovery;
  waiter = createClient(WaiterServiceDefinition, { resolver });
  kitchen = createClient(KitchenServiceDefinition, { resolver });
  couriers = createClient(CouriersServiceDefinition, { resolver });
  for (const [service, instance] of [
    ...([
      ['kitchen', 'ada'],
      ['kitchen', 'bob'],
      ['waiter', 'walter'],
    ] as const),
    ['couriers', 'mercury'] as const,
  ]) {
    start(service, instance);
  }
  // Everybody is there, and the menu has been read.
  await eventually(async () => (await tasted('soup')) !== '', { withinMs: 60_000, everyMs: 200 });
  await eventually(async () => (await couriers.listTrips({})).trips.length === 0, patience);
}, 120_000);

afterAll(async () => {
  await Promise.all([...processes.values()].map((process) => process.close()));
  await Promise.all([waiter, kitchen, couriers].map(closeClient));
  await discovery.close();
  await Promise.all([consul.close(), nats.close()]);
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const tasted = async (dish: string): Promise<string> => (await waiter.tasteDish({ dish })).cook;
const take = (orderId: string, dish = 'soup'): Promise<unknown> =>
  waiter.takeOrder({ orderId, table: 'three', dish });
const orderOf = async (orderId: string): Promise<Order | undefined> =>
  (await waiter.getOrder({ orderId })).order;
const reaches = (orderId: string, state: OrderState): Promise<unknown> =>
  eventually(async () => (await orderOf(orderId))?.state === state, patience);

test('what is ordered is cooked, served, and heard of by the kitchen', async () => {
  await take('o-1');
  await take('o-1');
  await reaches('o-1', OrderState.SERVED);
  const { note = '', priceCents } = (await orderOf('o-1')) ?? {};
  expect(['ada', 'bob']).toContain(note);
  expect(priceCents).toBe(650);
  await eventually(async () => {
    const { dishes } = await kitchen.listCooked({});
    return dishes.some(({ orderId, served }) => orderId === 'o-1' && served);
  }, patience);
});

test('what is not on the menu is refused, to those who wait and to those who hear of it later', async () => {
  await take('o-2', 'caviar');
  await reaches('o-2', OrderState.REFUSED);
  expect((await orderOf('o-2'))?.note).toBe(
    'caviar is not on the menu; there is soup, pasta, cake',
  );
  expect(await errorOf(tasted('caviar'))).toMatchObject({
    ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_DISH' },
  });
});

test('cooks compete, and every dish is cooked once', async () => {
  const ids = Array.from({ length: 30 }, (_, i) => `many-${String(i)}`);
  await Promise.all(ids.map((id) => take(id, 'pasta')));
  for (const id of ids) await reaches(id, OrderState.SERVED);
  const { dishes } = await kitchen.listCooked({});
  const cooked = dishes.map(({ orderId }) => orderId).filter((id) => id.startsWith('many-'));
  expect([...cooked].sort()).toEqual([...ids].sort());
});

test('a reply reaches a waiter who was killed after he had asked', async () => {
  await Promise.all(['ada', 'bob'].map(async (cook) => processes.get(cook)?.close()));
  await take('o-3');
  processes.get('walter')?.child.kill('SIGKILL');
  start('kitchen', 'ada');
  start('waiter', 'walter-again');
  await eventually(async () => (await orderOf('o-3'))?.state === OrderState.SERVED, {
    ...{ withinMs: 60_000, everyMs: 200 },
  });
  expect((await orderOf('o-3'))?.note).toBe('ada');
});

test('of many who offer to bring it the cheapest is told to go', async () => {
  await take('o-4');
  await reaches('o-4', OrderState.SERVED);
  await waiter.sendHome({ orderId: 'o-4', address: 'Main Street 1' });
  await reaches('o-4', OrderState.ON_ITS_WAY);
  const trip = { orderId: 'o-4', courier: 'mercury', address: 'Main Street 1' };
  await eventually(async () => (await couriers.listTrips({})).trips.length > 0, patience);
  expect((await couriers.listTrips({})).trips).toEqual([trip]);
});

test('when those who did not answer have had their time, those who did are enough', async () => {
  await take('o-5');
  await reaches('o-5', OrderState.SERVED);
  await waiter.sendHome({ orderId: 'o-5', address: 'the lighthouse' });
  await reaches('o-5', OrderState.ON_ITS_WAY);
  expect((await orderOf('o-5'))?.note).toBe('dishwasher');
});
