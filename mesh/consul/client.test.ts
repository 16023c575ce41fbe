import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import {
  answerJson,
  answerStatus,
  type FakeAgent,
  healthEntry,
  startFakeAgent,
} from '../testing/fake-agent.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { type Consul, createConsul } from './client.ts';

describe('the Consul client', () => {
  let agent: FakeAgent;
  let consul: Consul;
  const clock = createFakeClock();

  beforeEach(async () => {
    agent = await startFakeAgent();
    consul = createConsul({ address: agent.address, clock });
  });
  afterEach(async () => {
    consul.close();
    await agent.close();
    expect(clock.pending).toBe(0);
  });

  test('reads instances with their health and their node', async () => {
    const warned = { ...healthEntry('b'), Checks: [{ Status: 'passing' }, { Status: 'warning' }] };
    agent.behave((_, response) => answerJson(response, [healthEntry('a'), warned], '42'));
    const answer = await consul.instances('orders');
    const common = { service: 'orders', host: '127.0.0.1', port: 7101, meta: {}, node: 'test' };
    expect(answer).toEqual({
      index: '42',
      value: [
        { ...common, id: 'a', health: 'passing' },
        { ...common, id: 'b', health: 'warning' },
      ],
    });
    expect(agent.asked).toEqual(['/v1/health/service/orders?passing=true']);
  });

  test('asks for blocking, stale and cached reads in the words of Consul', async () => {
    agent.behave((_, response) => answerJson(response, []));
    const block = { index: 9n, waitMs: 30_000 };
    await consul.instances('orders', { block, freshness: 'stale', all: true });
    await consul.instances('orders', { freshness: 'cached' });
    await consul.instances('orders', { freshness: 'consistent' });
    expect(agent.asked).toEqual([
      '/v1/health/service/orders?stale=1&index=9&wait=30000ms',
      '/v1/health/service/orders?passing=true&cached',
      '/v1/health/service/orders?passing=true&consistent=1',
    ]);
  });

  test('sends its token and datacenter with each request', async () => {
    const tokens: unknown[] = [];
    agent.behave((request, response) => {
      tokens.push(request.headers['x-consul-token']);
      answerJson(response, []);
    });
    const options = { address: agent.address, clock, token: 'secret', datacenter: 'north' };
    const privileged = createConsul(options);
    await privileged.instances('orders');
    await privileged.configEntries('service-splitter', { freshness: 'stale' });
    privileged.close();
    expect(tokens).toEqual(['secret', 'secret']);
    expect(agent.asked).toEqual([
      '/v1/health/service/orders?passing=true&dc=north',
      '/v1/config/service-splitter?stale=true&dc=north',
    ]);
  });

  test.each([
    [400, 'INVALID_ARGUMENT', 'CONSUL_REFUSED'],
    [403, 'PERMISSION_DENIED', 'CONSUL_DENIED'],
    [404, 'NOT_FOUND', 'CONSUL_NOT_FOUND'],
    [429, 'UNAVAILABLE', 'CONSUL_UNAVAILABLE'],
    [500, 'UNAVAILABLE', 'CONSUL_UNAVAILABLE'],
    [503, 'UNAVAILABLE', 'CONSUL_UNAVAILABLE'],
  ])('makes %i %s and says what Consul said', async (code, status, reason) => {
    agent.behave((_, response) => answerStatus(response, code, 'No cluster leader'));
    const failed = consul.instances('orders');
    await expect(failed).rejects.toMatchObject({ name: 'MeshError', status, reason });
    await expect(failed).rejects.toThrow(`${agent.address}, the instances of "orders"`);
    await expect(failed).rejects.toThrow(`${code} No cluster leader`);
  });

  test('does not follow a redirect', async () => {
    agent.behave((_, response) => {
      response.writeHead(301, { location: '/v1/agent/self' });
      response.end();
    });
    await expect(consul.instances('orders')).rejects.toMatchObject({ reason: 'CONSUL_REDIRECT' });
    expect(agent.asked).toHaveLength(1);
  });

  test.each<[string, (response: Parameters<Parameters<FakeAgent['behave']>[0]>[1]) => void]>([
    ['a page', (response) => response.end('<html>welcome to the hotel network</html>')],
    [
      'half a JSON',
      (response) => {
        response.setHeader('content-type', 'application/json');
        response.end('[{"Node":');
      },
    ],
    [
      'a body that is cut off',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('[', () => response.destroy());
      },
    ],
    ['JSON of another shape', (response) => answerJson(response, { Node: 'test' })],
    [
      'a server that knows no leader',
      (response) => {
        response.setHeader('x-consul-knownleader', 'false');
        answerJson(response, []);
      },
    ],
    [
      'more than it would read',
      (response) => {
        response.setHeader('content-type', 'application/json');
        response.end(Buffer.alloc(17 * 1024 * 1024, ' '));
      },
    ],
    ['a connection that is cut', (response) => response.destroy()],
  ])('takes %s for an agent that cannot answer now', async (_, answer) => {
    agent.behave((__, response) => answer(response));
    const failed = consul.instances('orders');
    await expect(failed).rejects.toMatchObject({ reason: 'CONSUL_UNAVAILABLE' });
  });

  test('takes a refused connection for an agent that is away', async () => {
    await agent.close();
    await expect(consul.leader()).rejects.toMatchObject({
      status: 'UNAVAILABLE',
      reason: 'CONSUL_UNAVAILABLE',
    });
  });

  test('gives up an agent that never answers, and lets go of the connection', async () => {
    const failed = consul.instances('orders', { block: { index: 1n, waitMs: 16_000 } });
    failed.catch(() => undefined);
    await eventually(() => agent.held === 1);
    // The wait, its sixteenth that Consul may add, and 5 s for the way.
    clock.advance(21_999);
    expect(agent.held).toBe(1);
    clock.advance(1);
    await expect(failed).rejects.toThrow('no answer within 22000 ms');
    await eventually(() => agent.held === 0);
  });

  test('ends a request at once when its signal aborts', async () => {
    const giveUp = new AbortController();
    const failed = consul.instances('orders', { signal: giveUp.signal });
    failed.catch(() => undefined);
    await eventually(() => agent.held === 1);
    giveUp.abort();
    await expect(failed).rejects.toMatchObject({ status: 'CANCELLED' });
    await eventually(() => agent.held === 0);
    await expect(consul.leader({ signal: giveUp.signal })).rejects.toMatchObject({
      status: 'CANCELLED',
    });
    expect(agent.asked).toHaveLength(1);
  });

  test('lets one odd registration hide neither the others nor any prototype', async () => {
    const odd = JSON.parse('{"__proto__": {"polluted": "yes"}, "zone": 7}') as unknown;
    agent.behave((_, response) =>
      answerJson(response, [null, { Service: [] }, healthEntry('a', { Meta: odd })]),
    );
    const { value } = await consul.instances('orders');
    expect(value.map((each) => each.id)).toEqual(['', '', 'a']);
    expect(Object.keys(value[2]?.meta ?? {})).toEqual(['__proto__', 'zone']);
    expect(Object.hasOwn({}, 'polluted') || 'polluted' in {}).toBe(false);
  });

  test('lets none of 10 000 hostile names and keys leave the process', async () => {
    const registration = {
      host: '127.0.0.1',
      port: 1,
      meta: {},
      check: { address: '', intervalMs: 1, timeoutMs: 1, forgetAfterMs: 1 },
    };
    const hostile = fc
      .oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '..%2F..%2Fagent%2Fself',
          '../x',
          'a//b',
          'a*',
          'a b',
          '.',
          'x'.repeat(999),
        ),
      )
      .map((text) => `${text}%`);
    const calls: ((name: string) => Promise<unknown>)[] = [
      (name) => consul.instances(name),
      (name) => consul.deregister(name),
      (name) => consul.getValue(name),
      (name) => consul.putValue(name, ''),
      (name) => consul.listValues(name),
      (name) => consul.deleteValue(name),
      (name) => consul.putConfigEntry({ kind: 'service-resolver', name }),
      (name) => consul.deleteConfigEntry('service-resolver', name),
      (name) => consul.register({ ...registration, id: 'a', service: name }),
      (name) => consul.register({ ...registration, id: name, service: 'a' }),
    ];
    const property = fc.asyncProperty(hostile, fc.constantFrom(...calls), async (name, call) => {
      const refused = await call(name).catch((thrown: unknown) => MeshError.from(thrown).status);
      return refused === 'INVALID_ARGUMENT';
    });
    await fc.assert(property, { numRuns: 10_000 });
    expect(agent.asked).toHaveLength(0);
  });

  test.each(['127.0.0.1:8500', 'ftp://127.0.0.1', 'http://127.0.0.1:8500/v1', ''])(
    'refuses %j as an address',
    (address) => {
      expect(() => createConsul({ address, clock })).toThrow('use "http://host:port"');
    },
  );
});

describe('the Consul client with the real Consul', () => {
  let server: ConsulServer;
  let consul: Consul;
  beforeAll(async () => {
    server = await startConsul();
    consul = createConsul({ address: server.address, clock: systemClock });
  });
  afterAll(async () => {
    consul.close();
    await server.close();
  });

  test('knows the agent and its leader', async () => {
    expect(await consul.leader()).toMatch(/^127\.0\.0\.1:\d+$/);
    const self = await consul.self();
    expect(self).toMatchObject({ node: 'test', datacenter: 'dc1' });
    expect(self.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('registers, lists and deregisters', async () => {
    const registration = {
      id: 'orders-1',
      service: 'orders',
      host: '127.0.0.1',
      port: 7101,
      meta: { version: '1' },
    };
    const check = {
      address: '127.0.0.1:1',
      intervalMs: 60_000,
      timeoutMs: 1,
      forgetAfterMs: 60_000,
    };
    await consul.register({ ...registration, check });
    expect(await consul.ownServices()).toEqual([registration]);
    await consul.deregister('orders-1');
    expect(await consul.ownServices()).toEqual([]);
    await consul.deregister('orders-1');
  });

  test('keeps values', async () => {
    const none = await consul.getValue('weft/policy/orders');
    expect(none.value).toBeUndefined();
    const changed = consul.getValue('weft/policy/orders', {
      block: { index: BigInt(none.index ?? 0), waitMs: 10_000 },
    });
    await consul.putValue('weft/policy/orders', 'größer');
    expect((await changed).value).toBe('größer');
    await consul.putValue('weft/policy/orders', '');
    expect((await consul.getValue('weft/policy/orders')).value).toBe('');
  });

  test('lists and removes values, each with a version that changes with it', async () => {
    expect((await consul.listValues('some/where')).value).toEqual([]);
    await consul.putValue('some/where/b', '1');
    await consul.putValue('some/where/a', '');
    await consul.putValue('some/where-else', '2');
    const { value: first, index } = await consul.listValues('some/where');
    expect(first.map(({ key, value }) => [key, value])).toEqual([
      ['some/where/a', ''],
      ['some/where/b', '1'],
    ]);
    const block = { index: BigInt(index ?? 0), waitMs: 10_000 };
    const changed = consul.listValues('some/where', { block });
    await consul.putValue('some/where/b', '2');
    expect((await changed).value[1]?.version).toBeGreaterThan(first[1]?.version ?? 0);
    await consul.deleteValue('some/where/b');
    await consul.deleteValue('some/where/b');
    expect((await consul.listValues('some/where')).value).toHaveLength(1);
  });
});
