import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import {
  type PickOrdersRequest,
  type PickOrdersResponse,
  PickStatus,
  WarehouseServiceDefinition,
} from '#gen/shop/warehouse/v1/warehouse.ts';
import { type AppTools, type Client, type EventContext, on, runInContext } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import {
  createInProcessMesh,
  type InProcessInstance,
  type InProcessMesh,
} from '../../../mesh/testing/in-process.ts';
import { createPushable } from '../../../mesh/testing/pushable.ts';
import { warehouseParts } from './parts.ts';
import { type WarehouseDb, warehouseMigrations } from './store.ts';

/** A look every ten minutes: what comes sooner was brought by the bell. */
const never = 600_000;

let mesh: InProcessMesh;
let orders: AppTools<unknown>;
let shipped: OrderShipped[];
let told: EventContext<unknown>[];
let warehouse: Client<WarehouseServiceDefinition>;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-warehouse-'));
  mesh = createInProcessMesh();
  shipped = [];
  told = [];
  await mesh.start({
    name: 'orders',
    build: (tools) => {
      orders = tools;
      const hear = async (event: OrderShipped, facts: EventContext<unknown>): Promise<void> => {
        shipped.push(event);
        told.push(facts);
      };
      return { services: [], consumer: { handlers: [on(OrderShipped, hear)] } };
    },
  });
  warehouse = mesh.client(WarehouseServiceDefinition);
});

afterEach(async () => {
  await mesh.close();
  await rm(folder, { recursive: true, force: true });
});

const start = (
  settings: { pickLeaseMs?: number; pickPollMs?: number } = {},
): Promise<InProcessInstance<WarehouseDb>> =>
  mesh.start<WarehouseDb>({
    name: 'warehouse',
    store: `sqlite:${join(folder, 'warehouse.db')}`,
    migrations: warehouseMigrations,
    build: (tools) =>
      warehouseParts(tools, { pickLeaseMs: 10_000, pickPollMs: never, ...settings }),
  });

const confirm = (orderId: string): Promise<unknown> =>
  orders.store.transaction((tx) =>
    orders.events.publish(tx, OrderConfirmed, {
      ...{ orderId, customerId: 'ada', occurredAt: undefined },
      lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
      total: { minorUnits: 900n, currencyCode: 'EUR' },
    }),
  );

const ready = (terminalId: string, capacity: number): PickOrdersRequest => ({
  message: { $case: 'ready', value: { terminalId, capacity } },
});
const packed = (orderId: string): PickOrdersRequest => ({
  message: { $case: 'packed', value: { orderId } },
});

/** A terminal at work: what it was given, and its hands on the stream. */
function terminal(terminalId: string, capacity: number, client = warehouse) {
  const says = createPushable(ready(terminalId, capacity));
  const stop = new AbortController();
  const given: string[] = [];
  const work = (async () => {
    for await (const { pick } of client.pickOrders(says, { signal: stop.signal })) {
      given.push(pick?.orderId ?? '');
    }
  })();
  work.catch(() => undefined);
  return {
    given,
    work,
    pack: (orderId: string) => {
      says.push(packed(orderId));
    },
    end: () => {
      says.end();
    },
    die: () => {
      stop.abort();
    },
  };
}

const statusOf = async (orderId: string): Promise<PickStatus | undefined> =>
  (await warehouse.getPick({ orderId })).pick?.status;

test('a confirmed order becomes a pick, and an order that is not confirmed has none', async () => {
  await start();
  expect(await errorOf(warehouse.getPick({ orderId: 'ord_1' }))).toMatchObject({
    status: 'NOT_FOUND',
    reason: 'PICK_NOT_FOUND',
  });
  await confirm('ord_1');
  await eventually(async () => (await statusOf('ord_1')) === PickStatus.OPEN);
  expect((await warehouse.getPick({ orderId: 'ord_1' })).pick?.lines).toEqual([
    { sku: 'TEA-GREEN', quantity: 2 },
  ]);
});

describe('a terminal', () => {
  test('what a terminal ships belongs to the trace and the baggage of its order, not to its own shift', async () => {
    await start();
    const [trace, shift] = ['a', 'c'].map((digit) => {
      return { traceId: digit.repeat(32), spanId: 'b'.repeat(16), state: `${digit}=1` };
    });
    const baggage = new Map([['tenant', { value: 'blue' }]]);
    await runInContext({ trace, baggage }, () => confirm('ord_1'));
    const ada = runInContext(
      { trace: shift, baggage: new Map([['tenant', { value: 'red' }]]) },
      () => terminal('ada', 1),
    );
    await eventually(() => ada.given.length === 1);
    ada.pack('ord_1');
    await eventually(() => told.length === 1);
    expect(told[0]).toMatchObject({ baggage, trace: { traceId: trace?.traceId, state: 'a=1' } });
    ada.end();
    await ada.work;
  });

  test('is given what it can hold, and more as it packs; each packed pick ships its order', async () => {
    await start();
    const one = terminal('T1', 2);
    for (const orderId of ['ord_1', 'ord_2', 'ord_3']) await confirm(orderId);
    await eventually(() => one.given.length === 2);
    expect(await statusOf('ord_3')).toBe(PickStatus.OPEN);
    one.pack('ord_1');
    await eventually(() => one.given.length === 3);
    expect(one.given).toEqual(['ord_1', 'ord_2', 'ord_3']);
    await eventually(() => shipped.length === 1);
    expect(shipped).toMatchObject([{ orderId: 'ord_1', customerId: 'ada', terminalId: 'T1' }]);
    expect(await statusOf('ord_1')).toBe(PickStatus.SHIPPED);
  });

  test.each(['dies', 'ends its side'])('that %s leaves its picks to another one', async (how) => {
    await start();
    const one = terminal('T1', 5);
    await confirm('ord_1');
    await eventually(() => one.given.length === 1);
    const two = terminal('T2', 5);
    if (how === 'dies') one.die();
    else one.end();
    await eventually(() => two.given.length === 1);
    two.pack('ord_1');
    await eventually(() => shipped.length === 1);
    expect(shipped).toMatchObject([{ orderId: 'ord_1', terminalId: 'T2' }]);
  });

  test('that lost its connection may still confirm what it has packed, once', async () => {
    await start();
    const before = terminal('T1', 1);
    await confirm('ord_1');
    await eventually(() => before.given.length === 1);
    before.die();
    await eventually(async () => (await statusOf('ord_1')) === PickStatus.OPEN);
    const says = createPushable(ready('T1', 1), packed('ord_1'), packed('ord_1'));
    says.end();
    const given: PickOrdersResponse[] = [];
    for await (const pick of warehouse.pickOrders(says)) given.push(pick);
    await eventually(() => shipped.length === 1);
    expect(await statusOf('ord_1')).toBe(PickStatus.SHIPPED);
  });

  test('shares the work with others, on other instances too, and no pick is with two', async () => {
    const instances = [await start({ pickPollMs: 20 }), await start({ pickPollMs: 20 })];
    const all = instances.map(({ endpoint }, i) =>
      terminal(`T${String(i)}`, 50, mesh.client(WarehouseServiceDefinition, endpoint)),
    );
    const ids = Array.from({ length: 40 }, (_, i) => `ord_${String(i)}`);
    for (const orderId of ids) await confirm(orderId);
    const given = (): string[] => all.flatMap((each) => each.given);
    await eventually(() => given().length >= ids.length);
    expect(given().sort()).toEqual(ids.sort());
  });

  test('keeps its picks for as long as it is there, however short the lease', async () => {
    await start({ pickLeaseMs: 300, pickPollMs: 20 });
    const one = terminal('T1', 1);
    await confirm('ord_1');
    await eventually(() => one.given.length === 1);
    const two = terminal('T2', 1);
    await confirm('ord_2');
    await eventually(() => two.given.length === 1);
    await orders.clock.sleep(700);
    expect([one.given, two.given]).toEqual([['ord_1'], ['ord_2']]);
  });

  test.each([
    ['packs before it is ready', [packed('ord_1')]],
    ['is ready twice', [ready('T1', 1), ready('T1', 1)]],
    ['says nothing in a message', [{ message: undefined }]],
    ['says nothing at all', []],
  ])('that %s is told so', async (_, words) => {
    await start();
    const says = createPushable<PickOrdersRequest>(...words);
    says.end();
    const error = await errorOf(warehouse.pickOrders(says)[Symbol.asyncIterator]().next());
    expect(error.status).toBe('INVALID_ARGUMENT');
    expect(error.details.violations).toMatchObject([{ field: 'message', reason: 'ORDER' }]);
  });

  test('that confirms a pick of another one is refused, and what it held is open again', async () => {
    await start();
    const one = terminal('T1', 1);
    await confirm('ord_1');
    await eventually(() => one.given.length === 1);
    const two = terminal('T2', 1);
    await confirm('ord_2');
    await eventually(() => two.given.length === 1);
    two.pack('ord_1');
    expect(await errorOf(two.work)).toMatchObject({
      status: 'FAILED_PRECONDITION',
      reason: 'PICK_NOT_HELD',
    });
    await eventually(async () => (await statusOf('ord_2')) === PickStatus.OPEN);
    expect(await statusOf('ord_1')).toBe(PickStatus.ASSIGNED);
  });

  test('of an instance that leaves is sent to another one', async () => {
    const instance = await start();
    const one = terminal('T1', 1);
    await confirm('ord_1');
    await eventually(() => one.given.length === 1);
    await instance.close();
    expect(await errorOf(one.work)).toMatchObject({
      status: 'UNAVAILABLE',
      reason: 'INSTANCE_LEAVING',
    });
    await start();
    expect(await statusOf('ord_1')).toBe(PickStatus.OPEN);
  });
});
