import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import { AdminServiceDefinition } from '../../gen/weft/admin/v1/admin.ts';
import type { MeshStats } from '../admin/mesh-stats.ts';
import type { TargetPolicyView } from '../admin/ports.ts';
import { createAdminService } from '../admin/service.ts';
import { createConsul } from '../consul/client.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import { createServer } from '../rpc/server/server.ts';
import { methodInfo } from '../schema/definition.ts';
import { weftImage } from '../schema/image.ts';
import type { TargetView } from '../telemetry/peers.ts';
import { createSpanRing } from '../telemetry/spans.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import type { CommandIo } from './mesh-door.ts';
import { policyCommand } from './policy.ts';
import { statCommand } from './stat.ts';

const opened: Closeable[] = [];
const unused = (): Promise<never> => Promise.reject(new Error('not called in this test'));
const { placeOrder, watchOrder } = OrdersServiceDefinition.methods;
const place = methodInfo(OrdersServiceDefinition, placeOrder);
const watch = methodInfo(OrdersServiceDefinition, watchOrder);
let consul: ConsulServer;
let client: ReturnType<typeof createConsul>;
let folder: string;

const lane = { open: 1, calls: 300, writes: 25, plainCalls: {} };
const endpoint = {
  ...{ instanceId: 'orders-1', address: '127.0.0.1:1', health: 'ejected', inFlight: 1 },
  ...{ streams: 0, latencyMs: 1, ejectedForMs: 500, successRate: 0.5, weight: 1, lane },
};
const towardsOrders: TargetView = {
  ...{ target: 'orders', breaker: 'half-open', inFlight: 1, retryBudget: 41, stale: false },
  endpoints: [endpoint],
};

/** One instance that tells of itself, registered as services are. */
async function start(
  service: string,
  id: string,
  policy: readonly TargetPolicyView[],
): Promise<Telemetry> {
  const telemetry = createTelemetry({ clock: systemClock, service, instanceId: id });
  const server = createServer({ image: weftImage() });
  const admin = createAdminService({
    ...{ service, instanceId: id, spans: createSpanRing(), telemetry },
    peers: { targets: () => (service === 'gateway' ? [towardsOrders] : []) },
    policy: { policies: () => policy },
  });
  server.add(AdminServiceDefinition, admin);
  if (service === 'orders') {
    const never = { placeOrder: unused, getOrder: unused };
    server.add(OrdersServiceDefinition, {
      ...never,
      async *watchOrder() {
        yield await unused();
      },
    });
  }
  opened.push(server, telemetry);
  const { host, port } = await server.listen();
  const check = { intervalMs: 100, timeoutMs: 1000, forgetAfterMs: 60_000 };
  const address = `${host}:${port}`;
  await client.register({ id, service, host, port, meta: {}, check: { address, ...check } });
  return telemetry;
}

const ordersPolicy = (timeoutMs: string, origin: 'kv' | 'default'): TargetPolicyView => ({
  target: 'orders',
  rows: [
    { method: '', setting: 'breaker.openMs', value: '1000', origin: 'default' },
    { method: 'PlaceOrder', setting: 'timeoutMs', value: timeoutMs, origin },
    { method: 'GetOrder', setting: 'timeoutMs', value: '500', origin: 'schema' },
  ],
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-policy-'));
  consul = await startConsul();
  client = createConsul({ address: consul.address });
  const orders = await start('orders', 'orders-1', []);
  const gateway = await start('gateway', 'gateway-1', [ordersPolicy('300', 'kv')]);
  await start('gateway', 'gateway-2', [ordersPolicy('2000', 'default')]);
  const served = orders.rpc.server(place);
  const calls = gateway.rpc.client('orders', place);
  for (let i = 0; i < 200; i++) {
    served.callStarted();
    served.callEnded('OK', 0.4, i % 4 === 0 ? 'plain' : 'lane', 1, 1);
    calls.callStarted();
    calls.attemptEnded('OK', 0.7, i % 4 === 0 ? 'plain' : 'lane', 1, 1);
    calls.callEnded(i === 0 ? 'UNAVAILABLE' : 'OK', 0.7, i < 20 ? 2 : 1);
    if (i < 20) calls.callRepeated({ retries: 1, transparent: 0, hedges: 0, delayMs: 1 });
  }
  gateway.rpc.client('orders', watch).callEnded('CANCELLED', 30_000, 1);
  await eventually(async () => {
    const [a, b] = await Promise.all([client.instances('orders'), client.instances('gateway')]);
    return a.value.length === 1 && b.value.length === 2;
  });
}, 60_000);

afterAll(async () => {
  await closeAll(opened);
  client.close();
  await consul.close();
  await rm(folder, { recursive: true });
});

/** Runs a command with these arguments, and gives what a person would see. */
async function run(
  command: (io: CommandIo) => Command,
  ...args: string[]
): Promise<{ text: string; notes: string[] }> {
  const seen = { text: '', notes: [] as string[] };
  const io: CommandIo = {
    print: (text) => {
      seen.text += `${text}\n`;
    },
    note: (text) => seen.notes.push(text),
    environment: { MESH_CONSUL: consul.address },
  };
  await command(io).exitOverride().parseAsync(args, { from: 'user' });
  return seen;
}

test('weft stat shows services, and who calls whom with breaker, ejections and the share of lanes', async () => {
  const { text, notes } = await run(statCommand);
  expect(notes).toEqual([]);
  expect(text).toMatch(/^gateway +2 +- +0\.0 /m);
  expect(text).toMatch(/^orders +1 +100\.00% +[\d.]+ +0\.\d ms +0\.\d ms +0\.\d ms +75% +0 /m);
  expect(text).toMatch(
    /^gateway → orders +99\.50% .* 75% +12\.0 +10\.0% +0 +open at 2 of 2 +1 \(orders-1\) +41$/m,
  );
  expect(text).not.toContain('weft.admin');
});

test('weft stat of one service shows its methods; in JSON all of it is numbers', async () => {
  const { text } = await run(statCommand, 'orders');
  expect(text).toMatch(/^shop\.orders\.v1\.OrdersService\/PlaceOrder +100\.00% /m);
  expect(text).not.toMatch(/^gateway +2/m);
  const json = JSON.parse((await run(statCommand, 'orders', '-o', 'json')).text) as MeshStats;
  expect(json.edges).toMatchObject([
    { caller: 'gateway', target: 'orders', ended: 201, failed: 1, laneShare: 0.75, callers: 2 },
  ]);
});

test('weft stat --watch shows it again and again on a cleared screen, until it cannot', async () => {
  const screens: string[] = [];
  const enough = new Error('the terminal is gone');
  const print = (text: string): void => {
    screens.push(text);
    if (screens.length === 3) throw enough;
  };
  const io = { print, note: () => undefined, environment: { MESH_CONSUL: consul.address } };
  const watching = statCommand(io, { everyMs: 20 }).parseAsync(['--watch'], { from: 'user' });
  await expect(watching).rejects.toBe(enough);
  for (const screen of screens) {
    expect(screen.startsWith('\u001b[2J\u001b[H')).toBe(true);
    expect(screen).toMatch(/^orders +1 /m);
  }

  // Whoever reads JSON reads no screen: one object after the other.
  screens.length = 0;
  const json = ['--watch', '--output', 'json'];
  await expect(statCommand(io, { everyMs: 20 }).parseAsync(json, { from: 'user' })).rejects.toBe(
    enough,
  );
  for (const screen of screens) expect(JSON.parse(screen)).toHaveProperty('edges');
});

test('weft stat of a service that nobody knows names those that are known', async () => {
  await expect(run(statCommand, 'nobody')).rejects.toThrow(
    /no service "nobody"; it knows gateway, orders/,
  );
});

test('weft policy shows each value with its origin, and who applies another', async () => {
  const { text } = await run(policyCommand, 'orders');
  expect(text.split('\n')).toEqual([
    'calls to orders, as gateway-1, gateway-2 make them',
    '',
    'METHOD      SETTING         VALUE  FROM     APPLIED BY',
    '(all)       breaker.openMs  1000   default',
    'PlaceOrder  timeoutMs       300    kv       gateway-1',
    'PlaceOrder  timeoutMs       2000   default  gateway-2',
    'GetOrder    timeoutMs       500    schema',
    '',
  ]);
  const one = await run(policyCommand, 'orders', 'GetOrder');
  expect(one.text).not.toContain('PlaceOrder');
  expect(one.text).not.toContain('APPLIED BY');
});

test('weft policy says who calls nobody, and which method nobody knows', async () => {
  await expect(run(policyCommand, 'gateway')).rejects.toThrow(
    /no running instance has a client for "gateway"; asked were all of gateway, orders/,
  );
  await expect(run(policyCommand, 'orders', 'PlaceOder')).rejects.toThrow(
    /gateway-1, gateway-2 call orders, and none of them knows a method "PlaceOder"/,
  );
});

test('weft policy --set checks a file against the methods that are served, then puts it in force', async () => {
  const file = join(folder, 'orders.json');
  await writeFile(file, '{"defaults":{"timeoutMs":0},"methods":{"PlaceOder":{}},"lane":false}');
  await expect(run(policyCommand, 'orders', '--set', file)).rejects.toThrow(
    /orders\.json is no policy for orders, and nothing was changed: defaults\.timeoutMs: is less than 1/,
  );
  await writeFile(file, '{"methods":{"PlaceOder":{"timeoutMs":300}}}');
  await expect(run(policyCommand, 'orders', '--set', file)).rejects.toThrow(
    /methods\.PlaceOder: is no method of orders, which has GetOrder, PlaceOrder, WatchOrder/,
  );
  expect((await client.getValue('weft/policy/orders')).value).toBeUndefined();

  await writeFile(file, '{"methods":{"PlaceOrder":{"timeoutMs":300}}}');
  const { text, notes } = await run(policyCommand, 'orders', '--set', file);
  expect(text).toContain('weft/policy/orders is set');
  expect(notes).toEqual([]);
  expect((await client.getValue('weft/policy/orders')).value).toContain('"timeoutMs":300');

  await run(policyCommand, 'orders', '--clear');
  expect((await client.getValue('weft/policy/orders')).value).toBeUndefined();
});

test('weft policy --set for a service that does not run notes what it could not check', async () => {
  const file = join(folder, 'later.json');
  await writeFile(file, '{"methods":{"Get":{"attempts":2}}}');
  const { notes } = await run(policyCommand, 'later', '--set', file);
  expect(notes).toEqual([
    'no instance of later answers: whether it has these methods is not checked',
  ]);
  await expect(run(policyCommand, 'later', '--set', join(folder, 'none'))).rejects.toThrow(
    /cannot read .*none: ENOENT/,
  );
});
