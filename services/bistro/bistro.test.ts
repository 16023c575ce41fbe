/** Two of each service in one process, over memory in place of Consul and NATS. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CouriersServiceDefinition } from '#gen/bistro/couriers/v1/couriers.ts';
import { KitchenServiceDefinition } from '#gen/bistro/kitchen/v1/kitchen.ts';
import { type Order, OrderState, WaiterServiceDefinition } from '#gen/bistro/waiter/v1/waiter.ts';
import type { Client } from '#mesh';
import { onEachDialect } from '../../mesh/testing/databases.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../mesh/testing/in-process.ts';
import { couriersParts } from './couriers/parts.ts';
import { type CouriersDb, courierMigrations } from './couriers/store.ts';
import { kitchenParts } from './kitchen/parts.ts';
import { type KitchenDb, kitchenMigrations } from './kitchen/store.ts';
import { waiterParts } from './waiter/parts.ts';
import { type WaiterDb, waiterMigrations } from './waiter/store.ts';

onEachDialect((urlOf) => {
  let mesh: InProcessMesh;
  let waiter: Client<WaiterServiceDefinition>;
  let kitchen: Client<KitchenServiceDefinition>;
  let couriers: Client<CouriersServiceDefinition>;
  beforeEach(async () => {
    mesh = createInProcessMesh();
    waiter = mesh.client(WaiterServiceDefinition);
    kitchen = mesh.client(KitchenServiceDefinition);
    couriers = mesh.client(CouriersServiceDefinition);
    for (const cook of ['ada', 'bob']) {
      await mesh.start<KitchenDb>({
        ...{ name: 'kitchen', store: await urlOf('kitchen'), migrations: kitchenMigrations },
        build: (tools) => kitchenParts(tools, { cook }),
      });
      await mesh.start<WaiterDb>({
        ...{ name: 'waiter', store: await urlOf('waiter'), migrations: waiterMigrations },
        build: (tools) => waiterParts(tools, { dishMs: 10_000, offersMs: 10_000 }),
      });
      await mesh.start<CouriersDb>({
        ...{ name: 'couriers', store: await urlOf('couriers'), migrations: courierMigrations },
        build: couriersParts,
      });
    }
  });
  afterEach(() => mesh.close());

  const take = (orderId: string, dish = 'soup') =>
    waiter.takeOrder({ orderId, table: 'three', dish });
  const orderOf = async (orderId: string): Promise<Order | undefined> =>
    (await waiter.getOrder({ orderId })).order;
  const reaches = (orderId: string, state: OrderState): Promise<unknown> =>
    eventually(async () => (await orderOf(orderId))?.state === state);

  test('orders that are taken twice at once are cooked once, priced by the menu, and served', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `o-${String(i)}`);
    await Promise.all([...ids, ...ids].map((orderId) => take(orderId)));
    for (const orderId of ids) await reaches(orderId, OrderState.SERVED);
    await eventually(async () => (await orderOf('o-0'))?.priceCents === 650);
    await eventually(async () =>
      (await kitchen.listCooked({})).dishes.every((dish) => dish.served),
    );
    const { dishes } = await kitchen.listCooked({});
    expect(dishes.map(({ orderId }) => orderId)).toEqual([...ids].sort());
    for (const { orderId, cook } of dishes) expect((await orderOf(orderId))?.note).toBe(cook);
  });

  test('what is not on the menu is refused, and what nobody has ordered is not there', async () => {
    await take('o-1', 'caviar');
    await reaches('o-1', OrderState.REFUSED);
    expect((await orderOf('o-1'))?.note).toContain('there is soup, pasta, cake');
    expect(await errorOf(waiter.getOrder({ orderId: 'o-2' }))).toMatchObject({
      ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_ORDER' },
    });
  });

  test('an order that is sent home twice at once makes one trip', async () => {
    await take('o-1');
    await reaches('o-1', OrderState.SERVED);
    const home = { orderId: 'o-1', address: 'Main Street 1' };
    await Promise.all([waiter.sendHome(home), waiter.sendHome(home)]);
    await reaches('o-1', OrderState.ON_ITS_WAY);
    await eventually(async () => (await couriers.listTrips({})).trips.length > 0);
    expect((await couriers.listTrips({})).trips).toEqual([{ ...home, courier: 'mercury' }]);
  });
});
