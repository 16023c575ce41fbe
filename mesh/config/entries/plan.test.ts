import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Metadata, MethodInfo } from '../../kernel/call.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { createSeededRandom } from '../../testing/seeded-random.ts';
import type { TrafficPlan } from '../traffic.ts';
import type { Fields } from './fields.ts';
import { compilePlan } from './plan.ts';
import { readResolver, readRouter, readSplitter } from './read.ts';

type Said = Readonly<Record<string, Fields>>;
interface Sayings {
  readonly resolvers?: Said;
  readonly splitters?: Said;
  readonly routers?: Said;
}

/** The plan, and what of the entries is not followed. */
const planOf = (target: string, { resolvers = {}, splitters = {}, routers = {} }: Sayings) => {
  const ignored: string[] = [];
  const reading =
    <T>(said: Said, read: (fields: Fields, tell: (what: string) => void) => T) =>
    (service: string): T | undefined => {
      const fields = said[service];
      return fields && read(fields, (what) => ignored.push(what));
    };
  const entries = {
    resolver: reading(resolvers, readResolver),
    splitter: reading(splitters, readSplitter),
    router: reading(routers, readRouter),
  };
  return { ...compilePlan(target, entries, createSeededRandom(7)), ignored };
};

const method = (path: string): MethodInfo => ({
  service: 'shop.inventory.v1.InventoryService',
  name: path,
  path: `/shop.inventory.v1.InventoryService/${path}`,
  kind: 'unary',
  idempotency: 'unknown',
  policy: {},
});

const to = (plan: TrafficPlan, path = 'Reserve', metadata: Metadata = {}): string | undefined =>
  plan.destinations[plan.choose(method(path), metadata)]?.name;

const shares = (plan: TrafficPlan, calls = 10_000): Record<string, number> => {
  const got: Record<string, number> = {};
  for (let call = 0; call < calls; call++) {
    const name = to(plan) ?? '';
    got[name] = (got[name] ?? 0) + 1 / calls;
  }
  return got;
};

const versions = {
  Subsets: {
    v1: { Filter: 'Service.Meta.version == "1"' },
    v2: { Filter: 'Service.Meta.version == "2"' },
  },
};
const instance = (version: string): Endpoint => ({
  instanceId: 'a',
  service: 'inventory',
  host: 'h',
  port: 1,
  metadata: { version },
});

describe('the plan of a target', () => {
  test('is the target itself when nothing is said', () => {
    const plan = planOf('inventory', {});
    expect(plan.destinations.map(({ name }) => name)).toEqual(['inventory']);
    expect(to(plan)).toBe('inventory');
    expect(plan.destinations[0]?.matches(instance('1'))).toBe(true);
  });

  test('sends calls to the default subset, whose filter chooses instances', () => {
    const plan = planOf('inventory', {
      resolvers: { inventory: { ...versions, DefaultSubset: 'v1' } },
    });
    expect(to(plan)).toBe('inventory/v1');
    expect(plan.destinations[0]?.service).toBe('inventory');
    expect(plan.destinations[0]?.matches(instance('1'))).toBe(true);
    expect(plan.destinations[0]?.matches(instance('2'))).toBe(false);
  });

  test('splits calls by weight, within 1 % over 10 000', () => {
    const Splits = [
      { Weight: 90, ServiceSubset: 'v1' },
      { Weight: 9.5, ServiceSubset: 'v2' },
      { Weight: 0.5, Service: 'inventory-next' },
    ];
    const plan = planOf('inventory', {
      resolvers: { inventory: versions },
      splitters: { inventory: { Splits } },
    });
    const got = shares(plan);
    expect(Math.abs((got['inventory/v1'] ?? 0) - 0.9)).toBeLessThan(0.009);
    expect(Math.abs((got['inventory/v2'] ?? 0) - 0.095)).toBeLessThan(0.001);
    expect(Math.abs((got['inventory-next'] ?? 0) - 0.005)).toBeLessThan(0.001);
  });

  test('follows a splitter into another, and a redirect to its end', () => {
    const plan = planOf('inventory', {
      resolvers: { old: { Redirect: { Service: 'archive' } }, archive: { DefaultSubset: '' } },
      splitters: {
        inventory: { Splits: [{ Weight: 50 }, { Weight: 50, Service: 'stock' }] },
        stock: { Splits: [{ Weight: 40 }, { Weight: 60, Service: 'old' }] },
      },
    });
    const got = shares(plan);
    expect(Object.keys(got).sort()).toEqual(['archive', 'inventory', 'stock']);
    expect(Math.abs((got['archive'] ?? 0) - 0.3)).toBeLessThan(0.003);
  });

  test('routes by method, and takes the first route that matches', () => {
    const prefix = '/shop.inventory.v1.InventoryService';
    const route = (HTTP: Fields, Destination: Fields) => ({ Match: { HTTP }, Destination });
    const plan = planOf('inventory', {
      routers: {
        inventory: {
          Routes: [
            route({ PathExact: `${prefix}/Reserve` }, { Service: 'exact' }),
            route(
              { PathRegex: '.*/(Get|List)Stock' },
              { Service: 'regex', RequestTimeout: '1.5s' },
            ),
            route({ PathPrefix: `${prefix}/Get` }, { Service: 'prefix' }),
            route({ PathPrefix: '/', Methods: ['GET'] }, { Service: 'never' }),
            route({ QueryParam: [{ Name: 'a', Present: true }] }, { Service: 'never' }),
          ],
        },
      },
    });
    expect(to(plan, 'Reserve')).toBe('exact');
    expect(to(plan, 'GetStock')).toBe('regex@1500ms');
    expect(to(plan, 'GetStocks')).toBe('prefix');
    expect(to(plan, 'Release')).toBe('inventory');
    expect(plan.destinations.find(({ service }) => service === 'regex')?.timeoutMs).toBe(1_500);
  });

  test.each([
    [{ Exact: '1' }, { yes: ['1'], no: ['2', undefined] }],
    [{ Prefix: 'a' }, { yes: ['ab'], no: ['ba', undefined] }],
    [{ Suffix: 'a' }, { yes: ['ba'], no: ['ab', undefined] }],
    [{ Regex: 'a|bc' }, { yes: ['a', 'bc'], no: ['abc', undefined] }],
    [{ Present: true }, { yes: ['x', ''], no: [undefined] }],
    [
      { Exact: '1', Invert: true },
      { yes: ['2', undefined], no: ['1'] },
    ],
    [
      { Present: true, Invert: true },
      { yes: [undefined], no: ['x'] },
    ],
  ])('routes by metadata: %j', (rule, { yes, no }) => {
    const Header = [{ Name: 'X-Canary', ...rule }];
    const Routes = [{ Match: { HTTP: { Header } }, Destination: { Service: 'canary' } }];
    const plan = planOf('inventory', { routers: { inventory: { Routes } } });
    const of = (value?: string) =>
      to(plan, 'Reserve', value === undefined ? {} : { 'x-canary': value });
    for (const value of yes) expect(of(value)).toBe('canary');
    for (const value of no) expect(of(value)).toBe('inventory');
  });

  test('reads metadata as it stands in a header', () => {
    const Header = [{ Name: 'k-bin', Exact: 'AQI=,Aw==' }];
    const Routes = [{ Match: { HTTP: { Header } }, Destination: { Service: 'canary' } }];
    const plan = planOf('inventory', { routers: { inventory: { Routes } } });
    const value = [Uint8Array.of(1, 2), Uint8Array.of(3)];
    expect(to(plan, 'Reserve', { 'k-bin': value })).toBe('canary');
  });

  test('names whom to ask instead, in order, while a place has no instance', () => {
    const Failover = {
      v2: { Service: 'backup' },
      '*': { Targets: [{ ServiceSubset: 'v1' }, { Service: 'backup' }] },
    };
    const plan = planOf('inventory', {
      resolvers: { inventory: { ...versions, Failover, DefaultSubset: 'v2' } },
    });
    const names = plan.destinations.map(({ name }) => name);
    expect(names).toEqual(['inventory/v2', 'backup']);
    expect(plan.destinations[0]?.failover).toEqual([1]);
    const whole = planOf('inventory', { resolvers: { inventory: { ...versions, Failover } } });
    expect(whole.destinations.map(({ name }) => name)).toEqual([
      'inventory',
      'inventory/v1',
      'backup',
    ]);
    expect(whole.destinations[0]?.failover).toEqual([1, 2]);
  });

  test.each<[string, Sayings, string]>([
    [
      'redirects',
      { resolvers: { a: { Redirect: { Service: 'b' } }, b: { Redirect: { Service: 'a' } } } },
      'in a circle: a -> b -> a',
    ],
    [
      'splits',
      {
        splitters: {
          a: { Splits: [{ Weight: 100, Service: 'b' }] },
          b: { Splits: [{ Weight: 100, Service: 'a' }] },
        },
      },
      'in a circle: a -> b -> a',
    ],
    [
      'an unknown subset',
      { splitters: { a: { Splits: [{ Weight: 100, ServiceSubset: 'v9' }] } } },
      '"a" has no subset "v9"',
    ],
    [
      'another datacenter',
      { resolvers: { a: { Redirect: { Datacenter: 'dc2' } } } },
      'Datacenter "dc2"',
    ],
    [
      'another path',
      { routers: { a: { Routes: [{ Destination: { PrefixRewrite: '/x' } }] } } },
      'Routes.0: Destination.PrefixRewrite',
    ],
    [
      'a filter that is none',
      { resolvers: { a: { Subsets: { v1: { Filter: 'Service.Meta.version = 1' } } } } },
      'Subsets.v1: the filter',
    ],
    ['no weight', { splitters: { a: { Splits: [{ Weight: 0 }] } } }, 'all weights are 0'],
    [
      'a duration that is none',
      { routers: { a: { Routes: [{ Destination: { RequestTimeout: '5 s' } }] } } },
      'RequestTimeout',
    ],
    ['no list', { routers: { a: { Routes: 'x' } } }, 'Routes is no list'],
  ])('is refused for %s', (_, sayings, fault) => {
    expect(() => planOf('a', sayings)).toThrow(fault);
  });

  test('tells of what is not followed', () => {
    const { ignored } = planOf('a', {
      resolvers: {
        a: {
          Kind: 'service-resolver',
          ConnectTimeout: '5s',
          LoadBalancer: { Policy: 'maglev' },
          Failover: { '*': { Datacenters: ['dc2'] } },
          Redirect: { Namespace: 'default' },
        },
      },
      routers: { a: { Routes: [{ Destination: { NumRetries: 3, Namespace: 'default' } }] } },
    });
    expect(new Set(ignored)).toEqual(
      new Set([
        'ConnectTimeout',
        'LoadBalancer',
        'Failover.*: Datacenters ["dc2"]',
        'Routes.0.Destination.NumRetries',
      ]),
    );
  });

  test('ends for all entries, with a plan or a fault', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const reference = fc.record(
      { Service: name, ServiceSubset: fc.constantFrom('x', 'y') },
      { requiredKeys: [] },
    );
    const resolver = fc.record(
      {
        Subsets: fc.constant({ x: {} }),
        DefaultSubset: fc.constantFrom('x', 'y'),
        Redirect: reference,
        Failover: fc.dictionary(fc.constantFrom('*', 'x'), reference),
      },
      { requiredKeys: [] },
    );
    const leg = fc.tuple(reference, fc.nat(100)).map(([of, Weight]) => ({ ...of, Weight }));
    const splitter = fc.record({ Splits: fc.array(leg, { minLength: 1, maxLength: 3 }) });
    const router = fc.record({
      Routes: fc.array(fc.record({ Destination: reference }), { maxLength: 2 }),
    });
    const sayings = fc.record({
      resolvers: fc.dictionary(name, resolver),
      splitters: fc.dictionary(name, splitter),
      routers: fc.dictionary(name, router),
    });
    const property = fc.property(sayings, (said) => {
      try {
        const plan = planOf('a', said);
        const index = plan.choose(method('Reserve'), {});
        return index >= 0 && index < plan.destinations.length;
      } catch (thrown) {
        return (thrown as Error).name === 'EntryFault';
      }
    });
    fc.assert(property, { numRuns: 5_000 });
  });
});
