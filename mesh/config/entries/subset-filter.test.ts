import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createConsul } from '../../consul/client.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { type ConsulServer, startConsul } from '../../testing/consul.ts';
import { eventually } from '../../testing/eventually.ts';
import { subsetFilter } from './subset-filter.ts';

const instance = (instanceId: string, metadata: Record<string, string>): Endpoint => ({
  instanceId,
  service: 'orders',
  host: '127.0.0.1',
  port: 7_000 + Number(instanceId.slice(1)),
  metadata,
});
const instances = [
  instance('a1', { version: 'v1', 'x-y': 'q', zone: 'north' }),
  instance('a2', { version: 'v2' }),
  instance('a3', {}),
  instance('a4', { version: '' }),
  instance('a5', { version: 'v1.2', n: '1' }),
];
const chosen = (filter: string): string[] =>
  instances.filter(subsetFilter(filter)).map((each) => each.instanceId);

describe('the filter of a subset', () => {
  test.each([
    ['', 'a1 a2 a3 a4 a5'],
    ['Service.Meta.version is empty', 'a3 a4'],
    ['Service.Meta.version is not empty', 'a1 a2 a5'],
    ['Service.Meta["constructor"] == "x"', ''],
    ['constructor in Service.Meta', ''],
    ['Service.Meta.version matches "^v"', 'a1 a2 a5'],
    ['Service.Meta.version not matches "^v"', 'a3 a4'],
  ])('%s holds for "%s"', (filter, ids) => {
    expect(chosen(filter).join(' ')).toBe(ids);
  });

  test.each([
    ['Service.Tags contains "v2"', 'Service.Tags is not known of an instance'],
    ['Node.Meta.zone == a', 'Node.Meta.zone is not known of an instance'],
    ['Service.Meta.a.b == a', 'Service.Meta.a.b is not known'],
    ['Service.Meta == a', 'name a key'],
    ['Service.Meta.version = v1', 'a comparison, as == "v2" at character 21'],
    ['Service.Meta.version == v1.2', '"and", "or" or the end at character 27'],
    ['Service.Meta.version == v1-2', '"and", "or" or the end'],
    ['Service.Meta.version == "v1" and', 'the end'],
    ['Service.Meta.version == "v1" AND Service.ID == a', 'the end'],
    ['(Service.ID == a', '")"'],
    ['Service.Meta[version] == v1', '["a-key"]'],
    ['Service.Port == abc', 'is a number'],
    ['Service.ID matches "("', 'is none'],
    ['Service.ID matches "(a+)+$"', 'may take for ever'],
    ['"v1" == "v1"', 'cannot be compared'],
  ])('%s is refused, and the fault is named', (filter, fault) => {
    expect(() => subsetFilter(filter)).toThrow(fault);
  });

  test('is not read without bound', () => {
    const deep = `${'('.repeat(99)}Service.ID == a${')'.repeat(99)}`;
    expect(() => subsetFilter(deep)).toThrow('nests deeper');
    expect(() => subsetFilter('x'.repeat(3_000))).toThrow('longer than');
  });

  test('is read or refused, whatever the text', () => {
    const word = fc.constantFrom(
      ...['Service.Meta.a', 'Service.ID', '==', '!=', 'in', 'not', 'is', 'empty', 'and', 'or'],
      ...['(', ')', ' ', '"x"', '`y`', '1', '[', ']', '"', 'matches', 'contains'],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(' ')),
    );
    const property = fc.property(text, (filter) => {
      try {
        return typeof subsetFilter(filter)(instances[0] as Endpoint) === 'boolean';
      } catch (thrown) {
        return (thrown as Error).name === 'EntryFault';
      }
    });
    fc.assert(property, { numRuns: 5_000 });
  });
});

describe('beside the real Consul', () => {
  let server: ConsulServer;
  beforeAll(async () => {
    server = await startConsul();
    const consul = createConsul({ address: server.address });
    const forgetAfterMs = 60_000;
    for (const { instanceId, service, host, port, metadata } of instances) {
      const check = { address: '127.0.0.1:1', intervalMs: 600_000, timeoutMs: 1, forgetAfterMs };
      await consul.register({ id: instanceId, service, host, port, meta: metadata, check });
    }
    await eventually(async () => {
      expect((await consul.instances('orders', { all: true })).value).toHaveLength(5);
    });
    consul.close();
  });
  afterAll(() => server.close());

  const consulChooses = async (filter: string): Promise<string[] | 'refused'> => {
    const query = `${server.address}/v1/health/service/orders?filter=${encodeURIComponent(filter)}`;
    const answer = await fetch(query);
    if (!answer.ok) return 'refused';
    const entries = (await answer.json()) as { Service: { ID: string } }[];
    return entries.map((entry) => entry.Service.ID).sort();
  };

  test('each filter chooses the same', async () => {
    const selector = fc.constantFrom(
      ...['Service.Meta.version', 'Service.Meta["x-y"]', 'Service.Meta.n', 'Service.ID'],
    );
    const value = fc.constantFrom('"v1"', 'v2', '`v1.2`', '1', '"a1"', 'q', '"no"');
    const leaf = fc.oneof(
      fc
        .tuple(selector, fc.constantFrom('==', ' != ', ' contains ', ' not contains '), value)
        .map((parts) => parts.join('')),
      fc.tuple(value, fc.constantFrom('in', 'not in'), selector).map((parts) => parts.join(' ')),
      // Of a value that all instances have: Consul 1.8 has a missing one match, and not match, at once.
      fc
        .tuple(
          fc.constant('Service.ID'),
          fc.constantFrom('matches', 'not matches'),
          fc.constantFrom('"^a"', '`[12]$`', '"v"'),
        )
        .map((parts) => parts.join(' ')),
      fc.constantFrom('Service.Meta is empty', 'zone in Service.Meta', 'Service.Port != 7001'),
    );
    const { filter } = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3 },
        leaf,
        tie('filter').map((inner) => `not (${inner})`),
        tie('filter').map((inner) => `not ${inner}`),
        fc.tuple(tie('filter'), tie('filter')).map(([one, other]) => `${one} and ${other}`),
        fc.tuple(tie('filter'), tie('filter')).map(([one, other]) => `(${one}) or ${other}`),
      ),
    }));
    const property = fc.asyncProperty(filter, async (text) => {
      expect(chosen(text)).toEqual(await consulChooses(text));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test.each([
    'Service.ID == a1 or Service.ID == a2 and Service.ID == a9',
    'not not Service.ID == a1',
  ])('%s binds as there', async (filter) => {
    expect(chosen(filter)).toEqual(await consulChooses(filter));
  });

  test.each([
    'NOT Service.ID == a1',
    'Service.ID = a1',
    'not(Service.ID == a1)',
    'Service.Meta.n == 01',
  ])('%s is refused by both', async (filter) => {
    expect(await consulChooses(filter)).toBe('refused');
    expect(() => subsetFilter(filter)).toThrow();
  });
});
