import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Consul, createConsul } from '../consul/client.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import { freeze } from '../testing/freeze.ts';
import { type HealthServer, serveHealth, startHealthProcess } from '../testing/health-server.ts';
import { describeRegistry } from '../testing/registry-contract.ts';
import { createConsulDiscovery } from './consul.ts';
import type { Snapshot } from './resolver.ts';

let server: ConsulServer;
let health: HealthServer;
let consul: Consul;

beforeAll(async () => {
  server = await startConsul();
  health = await serveHealth();
  consul = createConsul({ address: server.address, clock: systemClock });
});
afterAll(async () => {
  consul.close();
  await health.close();
  await server.close();
});

const tools = () => ({ consul, clock: systemClock, random: systemRandom, log: silentLog });

/** A health service on a port that it keeps, also while nobody answers there. */
const newPlace = async () => {
  let running: HealthServer | undefined = await serveHealth();
  const { port } = running;
  const stop = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };
  return {
    port,
    setPassing: async (_: string, passing: boolean) => {
      await stop();
      if (passing) running = await serveHealth(port);
    },
    close: stop,
  };
};

describeRegistry('Consul', async () => ({
  ...createConsulDiscovery(tools()),
  port: health.port,
  newPlace,
}));

describe('Consul itself', () => {
  const opened: Closeable[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
  });

  const open = (service: string) => {
    const discovery = createConsulDiscovery(tools());
    opened.push(discovery);
    const snapshots: Snapshot[] = [];
    discovery.resolver.watch(service, (snapshot) => snapshots.push(snapshot));
    const seen = (ids: string[], stale = false): Promise<unknown> =>
      eventually(() => {
        const last = snapshots.at(-1);
        expect(last?.endpoints.map((each) => each.instanceId)).toEqual(ids);
        expect(last?.stale).toBe(stale);
      });
    return { ...discovery, snapshots, seen };
  };

  const instance = (service: string, id: string, port = health.port) => ({
    service,
    instanceId: `${service}-${id}`,
    host: '127.0.0.1',
    port,
    metadata: {},
  });

  test('drops an instance that was killed within 3 s, and takes it back when it returns', async () => {
    const { registry, seen } = open('killed');
    const victim = await startHealthProcess();
    opened.push(victim);
    await registry.register(instance('killed', 'a', victim.port));
    await registry.register(instance('killed', 'b'));
    await seen(['killed-a', 'killed-b']);
    await victim.kill();
    const killedAt = systemClock.monotonic();
    await seen(['killed-b']);
    expect(systemClock.monotonic() - killedAt).toBeLessThan(3_000);
    await victim.restart();
    const backAt = systemClock.monotonic();
    await seen(['killed-a', 'killed-b']);
    expect(systemClock.monotonic() - backAt).toBeLessThan(3_000);
  });

  test.each([
    ['on its data', false],
    ['with its data lost', true],
  ])('keeps the last good set while the agent is killed and restarted %s', async (_, wiped) => {
    const service = wiped ? 'wiped' : 'restarted';
    const { registry, seen, snapshots } = open(service);
    await registry.register(instance(service, 'a'));
    await registry.register(instance(service, 'b'));
    const ids = [`${service}-a`, `${service}-b`];
    await seen(ids);
    const before = snapshots.length;
    await server.kill();
    await seen(ids, true);
    if (wiped) await server.wipe();
    await server.restart();
    const backAt = systemClock.monotonic();
    await eventually(async () => {
      const { value } = await consul.instances(service);
      expect(value.map((each) => each.id).sort()).toEqual(ids);
    });
    expect(systemClock.monotonic() - backAt).toBeLessThan(5_000);
    await seen(ids);
    expect(systemClock.monotonic() - backAt).toBeLessThan(5_000);
    // Calls went on: nobody was told that there is less.
    for (const { endpoints } of snapshots.slice(before)) expect(endpoints).toHaveLength(2);
    // And the watch lives.
    const lease = await registry.register(instance(service, 'c'));
    await seen([...ids, `${service}-c`]);
    await lease.close();
    await seen(ids);
  });

  test('ignores hostile registrations and keeps the good one', async () => {
    const { registry, seen } = open('hostile');
    const check = { address: `127.0.0.1:${health.port}`, intervalMs: 1_000, timeoutMs: 1_000 };
    const hosts = ['169.254.169.254', 'a\r\nb', '2852039166'];
    const faults = [
      ...hosts.map((host) => ({ host, port: 1 })),
      { host: '127.0.0.1', port: 70_000 },
    ];
    for (const [index, fault] of faults.entries()) {
      const registration = {
        id: `hostile-x${index}`,
        service: 'hostile',
        meta: {},
        check: { ...check, forgetAfterMs: 60_000 },
        ...fault,
      };
      // Consul takes them all (0.0.0.0 it refuses).
      await consul.register(registration);
      opened.push({ close: () => consul.deregister(registration.id) });
    }
    await registry.register(instance('hostile', 'good'));
    await seen(['hostile-good']);
    expect((await consul.instances('hostile')).value).toHaveLength(faults.length + 1);
  });

  test('registers when Consul comes back, and gives up when the caller does', async () => {
    const { registry, seen } = open('late');
    await seen([]);
    await server.stop();
    const hopeless = registry.register(instance('late', 'x'), AbortSignal.timeout(300));
    await expect(hopeless).rejects.toMatchObject({
      status: 'UNAVAILABLE',
      reason: 'CONSUL_UNAVAILABLE',
    });
    const patient = registry.register(instance('late', 'a'));
    await server.restart();
    await patient;
    await seen(['late-a']);
  });

  test('closes a lease in bounded time while Consul is away', async () => {
    const { registry } = open('leaving');
    const lease = await registry.register(instance('leaving', 'a'));
    const thaw = await freeze(server.pid);
    const startedAt = systemClock.monotonic();
    await lease.close();
    expect(systemClock.monotonic() - startedAt).toBeLessThan(5_000);
    thaw();
  });
});
