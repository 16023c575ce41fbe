import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Consul, createConsul } from '../consul/client.ts';
import type { ConfigKind } from '../consul/types.ts';
import type { MethodInfo } from '../kernel/call.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Log, type LogFields, silentLog } from '../kernel/log.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import { describePolicySource } from '../testing/policy-source-contract.ts';
import { createConsulConfig } from './consul.ts';
import { createMemoryConfig } from './memory.ts';
import type { TargetPolicy } from './policy.ts';
import type { TrafficPlan } from './traffic.ts';

let server: ConsulServer;
let consul: Consul;
beforeAll(async () => {
  server = await startConsul();
  consul = createConsul({ address: server.address });
});
afterAll(async () => {
  consul.close();
  await server.close();
});

const method = (name: string): MethodInfo => ({
  service: 'a.B',
  name,
  path: `/a.B/${name}`,
  kind: 'unary',
  idempotency: 'idempotent',
  policy: {},
});
const methodsOf = (target: string) =>
  target === 'known' ? [method('Get'), method('Put')] : undefined;

const errorLog = (): Log & { readonly reported: LogFields[] } => {
  const reported: LogFields[] = [];
  return { ...silentLog, reported, error: (_, fields = {}) => reported.push(fields) };
};

describePolicySource('memory', () => {
  const log = errorLog();
  const memory = createMemoryConfig({ log, methodsOf });
  return {
    source: memory.policies,
    reported: log.reported,
    write: memory.setPolicy,
    close: memory.close,
  };
});

describePolicySource('Consul', () => {
  const log = errorLog();
  const config = createConsulConfig({ consul, log, methodsOf });
  return {
    source: config.policies,
    reported: log.reported,
    write: async (target, text) => {
      const key = `weft/policy/${target}`;
      await (text === undefined ? consul.deleteValue(key) : consul.putValue(key, text));
    },
    close: config.close,
  };
});

describe('traffic by Consul\u2019s config entries', () => {
  const opened: { close(): void }[] = [];
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });

  const open = (target: string) => {
    const log = errorLog();
    const config = createConsulConfig({ consul, log });
    const plans: TrafficPlan[] = [];
    opened.push(
      config.traffic.watch(target, (plan) => plans.push(plan)),
      config,
    );
    const places = (): string[] | undefined => plans.at(-1)?.destinations.map(({ name }) => name);
    const seen = (...names: string[]): Promise<unknown> =>
      eventually(() => {
        expect(places()).toEqual(names);
      });
    return { plans, seen, reported: log.reported };
  };
  const write = async (kind: ConfigKind, name: string, fields: object): Promise<void> => {
    await consul.putConfigEntry({ kind: 'service-defaults', name, fields: { Protocol: 'grpc' } });
    await consul.putConfigEntry({ kind, name, fields: { ...fields } });
  };
  const Subsets = {
    v1: { Filter: 'Service.Meta.version == "1"' },
    v2: { Filter: 'Service.Meta.version == "2"' },
  };

  test('a split is followed from its first word to its end, and holds within 1 % over 10 000 calls', async () => {
    const { plans, seen } = open('split');
    await seen('split');
    await write('service-resolver', 'split', { Subsets, DefaultSubset: 'v1' });
    await seen('split/v1');
    const leg = (Weight: number, ServiceSubset: string) => ({ Weight, ServiceSubset });
    await write('service-splitter', 'split', { Splits: [leg(90, 'v1'), leg(10, 'v2')] });
    await seen('split/v1', 'split/v2');
    const plan = plans.at(-1);
    const calls = Array.from({ length: 10_000 }, () => plan?.choose(method('Get'), {}));
    const second = calls.filter((place) => place === 1).length;
    expect(Math.abs(second - 1_000)).toBeLessThanOrEqual(10);
    await consul.deleteConfigEntry('service-splitter', 'split');
    await seen('split/v1');
  });

  test('a route by method, header and time-out is followed as Consul writes it back', async () => {
    const { plans, seen } = open('routed');
    const Protocol = 'grpc';
    await consul.putConfigEntry({ kind: 'service-defaults', name: 'canary', fields: { Protocol } });
    await write('service-router', 'routed', {
      Routes: [
        {
          Match: {
            HTTP: { PathExact: '/a.B/Get', Header: [{ Name: 'x-canary', Exact: '1' }] },
          },
          Destination: { Service: 'canary', RequestTimeout: '1500ms' },
        },
      ],
    });
    await seen('canary@1500ms', 'routed');
    const plan = plans.at(-1);
    expect(plan?.destinations[0]?.timeoutMs).toBe(1_500);
    expect(plan?.choose(method('Get'), { 'x-canary': '1' })).toBe(0);
    expect(plan?.choose(method('Get'), {})).toBe(1);
    expect(plan?.choose(method('Put'), { 'x-canary': '1' })).toBe(1);
  });

  test('a filter that Consul took and nobody can read is reported, and changes nothing', async () => {
    const { seen, reported, plans } = open('broken');
    await write('service-resolver', 'broken', { Subsets, DefaultSubset: 'v1' });
    await seen('broken/v1');
    const broken = { v1: { Filter: 'Service.Meta.version = 1' } };
    await write('service-resolver', 'broken', { Subsets: broken, DefaultSubset: 'v1' });
    await eventually(() => {
      expect(reported).toHaveLength(1);
    });
    expect(reported[0]).toMatchObject({
      kind: 'service-resolver',
      service: 'broken',
      fault: expect.stringContaining('Subsets.v1: the filter'),
      inForce: expect.stringContaining('version'),
    });
    await write('service-resolver', 'broken', { Subsets, DefaultSubset: 'v2' });
    await seen('broken/v2');
    expect(plans.every(({ destinations }) => destinations.length === 1)).toBe(true);
    expect(reported).toHaveLength(1);
  });

  test('another service\u2019s entries are no news', async () => {
    const { seen, plans } = open('quiet');
    await seen('quiet');
    const other = open('loud');
    await write('service-resolver', 'loud', { Subsets, DefaultSubset: 'v1' });
    await other.seen('loud/v1');
    expect(plans).toHaveLength(1);
  });

  test('what was said stands while Consul is away, and nobody waits for one that never came', async () => {
    await write('service-resolver', 'kept', { Subsets, DefaultSubset: 'v2' });
    await consul.putValue('weft/policy/kept', '{"lane":false}');
    const { seen, plans } = open('kept');
    const config = createConsulConfig({ consul });
    const told: (TargetPolicy | undefined)[] = [];
    opened.push(
      config.policies.watch('kept', (policy) => told.push(policy)),
      config,
    );
    await seen('kept/v2');
    await eventually(() => {
      expect(told).toEqual([{ lane: false }]);
    });
    await server.kill();
    const late = open('kept');
    const lateConfig = createConsulConfig({ consul });
    const lateTold: unknown[] = [];
    opened.push(
      lateConfig.policies.watch('kept', (policy) => lateTold.push(policy)),
      lateConfig,
    );
    await late.seen('kept');
    await eventually(() => {
      expect(lateTold).toEqual([undefined]);
    });
    await server.restart();
    const backAt = systemClock.monotonic();
    await late.seen('kept/v2');
    await eventually(() => {
      expect(lateTold.at(-1)).toEqual({ lane: false });
    });
    expect(systemClock.monotonic() - backAt).toBeLessThan(15_000);
    expect(plans).toHaveLength(1);
    expect(told).toEqual([{ lane: false }]);
  });
});
