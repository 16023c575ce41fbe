import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { Order, OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import { Pick, WarehouseServiceDefinition } from '../../gen/shop/warehouse/v1/warehouse.ts';
import { createConsul } from '../consul/client.ts';
import { MeshError } from '../kernel/error.ts';
import { createServer } from '../rpc/server/server.ts';
import { weftImage } from '../schema/image.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import { callCommand } from './call.ts';

const server = createServer({ image: weftImage() });
const unused = (): Promise<never> => Promise.reject(new Error('not called in this test'));
const traces: string[] = [];
let address: string;
let consul: ConsulServer;

beforeAll(async () => {
  server.add(OrdersServiceDefinition, {
    placeOrder: unused,
    getOrder: ({ orderId }, { metadata, trace }) => {
      traces.push(trace.traceId);
      if (orderId === 'ord_9') {
        const details = { facts: { known: '3' }, retryAfterMs: 250 };
        throw new MeshError('no order ord_9', { status: 'NOT_FOUND', reason: 'NO_ORDER', details });
      }
      const customerId = String(metadata['x-tenant'] ?? '');
      return Promise.resolve({ order: Order.create({ orderId, customerId }) });
    },
    async *watchOrder({ orderId }) {
      for (const status of [1, 2] as const) yield { order: Order.create({ orderId, status }) };
    },
  });
  server.add(InventoryServiceDefinition, {
    reserve: unused,
    getStock: unused,
    async importStock(requests) {
      let articles = 0;
      for await (const { quantity } of requests) if (quantity > 0) articles++;
      return { articles, pieces: 0n, alreadyBooked: false };
    },
  });
  server.add(WarehouseServiceDefinition, {
    getPick: unused,
    async *pickOrders(requests) {
      for await (const { message } of requests)
        yield { pick: Pick.create({ orderId: message?.$case ?? '' }) };
    },
  });
  const { host, port } = await server.listen();
  address = `${host}:${port}`;
  consul = await startConsul();
  const client = createConsul({ address: consul.address });
  const check = { address, intervalMs: 100, timeoutMs: 1000, forgetAfterMs: 60_000 };
  for (const service of ['orders', 'inventory']) {
    await client.register({ id: `${service}-1`, service, host, port, meta: {}, check });
    await eventually(async () => (await client.instances(service)).value.length === 1);
  }
  client.close();
});

afterAll(async () => {
  await server.close();
  await consul.close();
});

/** Runs `weft call` with these arguments, and gives what a person would see. */
async function weftCall(
  args: string[],
  input = '',
): Promise<{ out: string[]; err: string[]; code: number }> {
  const seen = { out: [] as string[], err: [] as string[], code: 0 };
  const command = callCommand({
    print: (line) => seen.out.push(line),
    complain: (line) => seen.err.push(line),
    fail: () => {
      seen.code = 1;
    },
    input: Readable.from([input]),
    environment: { MESH_CONSUL: consul.address },
  });
  await command.exitOverride().parseAsync(args, { from: 'user' });
  return seen;
}

const orders = 'shop.orders.v1.OrdersService';

test('a method is called where Consul knows its service, and the answer is a line of JSON', async () => {
  const { out, code } = await weftCall([
    `${orders}/GetOrder`,
    '{"order_id":"ord_1"}',
    '-H',
    'X-Tenant: blue',
  ]);
  expect(out).toHaveLength(1);
  expect(JSON.parse(out[0] ?? '')).toMatchObject({
    order: { orderId: 'ord_1', customerId: 'blue' },
  });
  expect(code).toBe(0);
});

test('a call with a trace says how to see what came of it, and the server hears of the trace', async () => {
  const { out, err } = await weftCall([`${orders}/GetOrder`, '{"order_id":"ord_1"}', '--trace']);
  expect(out).toHaveLength(1);
  const [, traceId] = /^weft trace ([0-9a-f]{32}) draws/.exec(err.join()) ?? [];
  expect(traceId).toBeDefined();
  expect(traces.at(-1)).toBe(traceId);
});

test('a stream of answers is a line each', async () => {
  const { out } = await weftCall([`${orders}/WatchOrder`, '{"orderId":"ord_1"}', '-a', address]);
  expect(out.map((line) => (JSON.parse(line) as { order: Order }).order.status)).toEqual([
    'ORDER_STATUS_PENDING',
    'ORDER_STATUS_CONFIRMED',
  ]);
});

test('a stream of requests comes as arguments, or a line each from the input', async () => {
  const method = 'shop.inventory.v1.InventoryService/ImportStock';
  const one = '{"deliveryId":"d-1","sku":"TEA","quantity":1}';
  const given = await weftCall([method, one, one, '--target', 'orders']);
  expect(given.out).toEqual(['{"articles":2,"pieces":"0","alreadyBooked":false}']);
  const piped = await weftCall([method, '-', '-a', address], `${one}\n\n${one}\n${one}\n`);
  expect(piped.out).toEqual(['{"articles":3,"pieces":"0","alreadyBooked":false}']);
});

test('both directions of a stream go on until the input ends', async () => {
  const method = 'shop.warehouse.v1.WarehouseService/PickOrders';
  const input = '{"ready":{"terminalId":"t-1","capacity":1}}\n{"packed":{"orderId":"ord_1"}}\n';
  const { out } = await weftCall([method, '-', '-a', address], input);
  expect(out.map((line) => (JSON.parse(line) as { pick: Pick }).pick.orderId)).toEqual([
    'ready',
    'packed',
  ]);
});

test('a failure is its status, reason and details, and exit code 1', async () => {
  const { out, err, code } = await weftCall([`${orders}/GetOrder`, '{"orderId":"ord_9"}']);
  expect(out).toEqual([]);
  expect(code).toBe(1);
  expect(err[0]).toBe(
    `weft: NOT_FOUND (NO_ORDER): ${orders}/GetOrder at ${address}: no order ord_9`,
  );
  expect(err).toContain('  known = 3');
  expect(err).toContain('  may be repeated after 250 ms');
  const invalid = await weftCall([`${orders}/GetOrder`, '{}']);
  expect(invalid.err).toEqual([
    `weft: INVALID_ARGUMENT (INVALID_FIELDS): ${orders}/GetOrder at ${address}: the message breaks rules of the schema`,
    '  order_id: is required and was not set; give it a value',
  ]);
});

test('what makes no sense is said before anything is sent', async () => {
  const noJson = await weftCall([`${orders}/GetOrder`, '{orderId}', '-a', address]);
  expect(noJson.err[0]).toMatch(/request 1 is no JSON.*received \{orderId\}/);
  const noName = await weftCall([]);
  expect(noName.err[0]).toContain('weft call --list');
  const nobody = await weftCall(['shop.nobody.v1.NobodyService/Get']);
  expect(nobody.err[0]).toMatch(
    /no healthy instance of "nobody"; its agent knows inventory, orders/,
  );
  const noPackage = await weftCall(['OrdersService/GetOrder', '{}']);
  expect(noPackage.err[0]).toMatch(
    /"OrdersService" has no package.*shop.orders.v1.OrdersService.*--list/,
  );
  const noPort = await weftCall([`${orders}/GetOrder`, '{}', '-a', '127.0.0.1']);
  expect(noPort.err[0]).toMatch(/"127.0.0.1" is no address: write it as "127.0.0.1:7101"/);
});

test('an address where no gRPC server is says so, with what is there instead', async () => {
  const atAddress = async (at: string): Promise<string> =>
    (await weftCall([`${orders}/GetOrder`, '{}', '-a', at])).err.join();
  expect(await atAddress('127.0.0.1:1')).toMatch(
    /NO_SERVER.*no gRPC server answers at 127\.0\.0\.1:1 \(connect ECONNREFUSED 127\.0\.0\.1:1\): is it up/,
  );
  expect(await atAddress('nobody.invalid:7101')).toMatch(
    /no gRPC server answers at nobody\.invalid:7101 \(Name resolution failed[^)]*\): is it up/,
  );
});

test('services and methods are listed: of one server, one service, or all that Consul knows', async () => {
  const all = await weftCall(['--list']);
  expect(all.out).toContain(orders);
  expect(all.out).toContain('  WatchOrder  server stream');
  // Two targets at one address stand for two servers that have the same beside their own.
  expect(all.out.filter((line) => line === 'grpc.health.v1.Health')).toHaveLength(1);
  const one = await weftCall(['--list', orders]);
  expect(one.out).toEqual([
    orders,
    '  PlaceOrder  unary',
    '  GetOrder    unary',
    '  WatchOrder  server stream',
  ]);
  const byName = await weftCall(['--list', 'orders']);
  expect(byName.out).toEqual(all.out);
  expect((await weftCall(['--list', '-a', `http://${address}`])).out).toEqual(all.out);
});

test('a method is described with its messages and their rules', async () => {
  const { out } = await weftCall(['--describe', `${orders}/GetOrder`]);
  expect(out[0]).toContain('rpc GetOrder(shop.orders.v1.GetOrderRequest)');
  expect(out[0]).toContain("string order_id = 1; // required, 1 to 64 letters, digits, '_' or '-'");
});
