import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PaymentsServiceDefinition } from '../../gen/shop/payments/v1/payments.ts';
import { createConsul } from '../consul/client.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import type { Snapshot } from '../discovery/resolver.ts';
import { MeshError } from '../kernel/error.ts';
import { type Client, closeClient, createClient } from '../rpc/client/client.ts';
import { startCollector } from '../testing/collector.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import { startApp } from './app.ts';
import { implement } from './options.ts';
import { readSettings } from './settings.ts';

const program = fileURLToPath(new URL('../testing/app-process.ts', import.meta.url));
let consul: ConsulServer;
let discovery: ReturnType<typeof createConsulDiscovery>;
let payments: Client<PaymentsServiceDefinition>;
/** What discovery says of payments now. */
let known: Snapshot['endpoints'] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  consul = await startConsul();
  discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  discovery.resolver.watch('payments', ({ endpoints }) => {
    known = endpoints;
  });
  payments = createClient(PaymentsServiceDefinition, { resolver: discovery.resolver });
}, 60_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await closeClient(payments);
  await discovery.close();
  await consul.close();
});

const settings = (over: Record<string, string> = {}) =>
  readSettings({
    MESH_CONSUL: consul.address,
    DRAIN_SPREAD_MS: '0',
    LOG_LEVEL: 'silent',
    ...over,
  });

const service = implement(PaymentsServiceDefinition, {
  charge: () => Promise.reject(new Error('not called')),
  getPayment: () => Promise.resolve({ payment: undefined }),
});

/** The service as a process; its log is what the function returns. */
function spawnApp(env: Record<string, string> = {}): { child: ChildProcess; log: () => string } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    env: { ...process.env, MESH_CONSUL: consul.address, DRAIN_SPREAD_MS: '300', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { child, log: () => text };
}

describe('an app', () => {
  test('is found and answers once it has started, and is gone once it is closed', async () => {
    const app = await startApp({
      name: 'payments',
      settings: settings(),
      build: () => ({ services: [service] }),
    });
    await eventually(() => known.some(({ instanceId }) => instanceId === app.endpoint.instanceId));
    await expect(payments.getPayment({ orderId: 'o' })).resolves.toEqual({ payment: undefined });
    await app.close();
    await app.close();
    await eventually(() => known.length === 0);
  });

  test('counts in its metrics which instances its clients leave out, and why', async () => {
    const failing = implement(PaymentsServiceDefinition, {
      charge: () => Promise.reject(new Error('not called')),
      getPayment: () => Promise.reject(new MeshError('down', { status: 'UNAVAILABLE' })),
    });
    const called = await startApp({
      name: 'payments',
      settings: settings(),
      build: () => ({ services: [failing] }),
    });
    let client: Client<PaymentsServiceDefinition> | undefined;
    const caller = await startApp({
      name: 'orders',
      settings: settings(),
      build: (tools) => {
        client = tools.client(PaymentsServiceDefinition, { breaker: { consecutive: 100 } });
        return { services: [] };
      },
    });
    const metrics = async (): Promise<string> => {
      await client?.getPayment({ orderId: 'o' }).catch(() => undefined);
      const answer = await fetch(`http://${caller.endpoint.metadata['weft-metrics']}/metrics`);
      return answer.text();
    };
    await eventually(async () =>
      /^weft_client_ejections_total\{grpc_target="payments",weft_cause="[^"]+"\} [1-9]/m.test(
        await metrics(),
      ),
    );
    await caller.close();
    await called.close();
    await eventually(() => known.length === 0);
  });

  test('that cannot listen says so, and leaves nothing behind', async () => {
    const first = await startApp({
      name: 'payments',
      settings: settings(),
      build: () => ({ services: [service] }),
    });
    const second = startApp({
      name: 'payments',
      settings: settings({ PORT: String(first.endpoint.port) }),
      build: () => ({ services: [service] }),
    });
    await expect(second).rejects.toMatchObject({ reason: 'CANNOT_LISTEN' });
    await first.close();
    await eventually(() => known.length === 0);
  });

  test('that uses events without a bus is told which variable is missing', async () => {
    const started = startApp({
      name: 'payments',
      settings: settings(),
      build: (tools) => {
        tools.events.start();
        return { services: [service] };
      },
    });
    await expect(started).rejects.toThrow(/payments has no event bus: set MESH_NATS/);
  });
});

describe('a process', () => {
  test('that gets SIGTERM finishes the call that runs, leaves discovery and ends with 0', async () => {
    const { child, log } = spawnApp();
    await eventually(() => known.length === 1, { withinMs: 20_000 });
    const running = payments.getPayment({ orderId: 'o' });
    await eventually(() => log().includes('asked'));
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await expect(running).resolves.toEqual({ payment: undefined });
    expect(await ended).toEqual([0, null]);
    expect(known).toHaveLength(0);
    expect(log()).toMatch(/"msg":"draining"[\s\S]*"msg":"stopped"/);
  });

  test('that crashes says why and ends with 1', async () => {
    const { child, log } = spawnApp({ CRASH: '1' });
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(log()).toMatch(/crashed: an exception that nobody caught/);
    expect(log()).toContain('a fault that nobody expected');
  });
});

test('spans are sent to the collector that the environment names, the last ones when the process ends', async () => {
  const collector = await startCollector();
  try {
    const told = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, INSTANCE_ID: 'payments-traced' };
    const build = () => ({ services: [service] });
    const app = await startApp({ name: 'payments', settings: settings(told), build });
    await eventually(async () => {
      expect(await payments.getPayment({ orderId: 'any' })).toEqual({ payment: undefined });
    });
    await app.close();
    const [request] = collector.requests;
    expect(request).toMatchObject({
      path: '/v1/traces',
      resource: { 'service.name': 'payments', 'service.instance.id': 'payments-traced' },
    });
    const names = collector.requests.flatMap(({ spans }) => spans.map(({ name }) => name));
    expect(names).toContain('shop.payments.v1.PaymentsService/GetPayment');
  } finally {
    await collector.close();
  }
});
