import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Call, compose, type Layer } from './call.ts';
import { aborted, systemClock } from './clock.ts';
import {
  childTrace,
  currentContext,
  formatTraceparent,
  parseTraceparent,
  runInContext,
} from './context.ts';
import { earlier } from './deadline.ts';
import { addressOf } from './endpoint.ts';
import { MeshError } from './error.ts';
import { closeAll } from './lifecycle.ts';
import { checkServiceName, checkToken } from './names.ts';
import { jitter, sortableId, systemRandom } from './random.ts';
import { statusCode, statusName } from './status.ts';

describe('compose', () => {
  test('stacks layers in reading order, outermost first', async () => {
    const order: string[] = [];
    const layer =
      (name: string): Layer =>
      (next) =>
      async (request, context) => {
        order.push(`${name} in`);
        const response = await next(request, context);
        order.push(`${name} out`);
        return response;
      };
    const innermost: Call = (request) => Promise.resolve(request);
    const call = compose([layer('a'), layer('b')], innermost);
    await call('x', undefined as never);
    expect(order).toEqual(['a in', 'b in', 'b out', 'a out']);
  });
});

describe('MeshError', () => {
  test('says its status first, and sends only its own words', () => {
    const error = new MeshError('orders: no endpoint', { status: 'UNAVAILABLE' });
    expect(error.message).toBe('[unavailable] orders: no endpoint');
    expect(error.rawMessage).toBe('orders: no endpoint');
    expect(error.code).toBe(14);
  });

  test('tells a wait that timed out from one that was given up', () => {
    expect(MeshError.from(new DOMException('x', 'TimeoutError')).status).toBe('DEADLINE_EXCEEDED');
    expect(MeshError.from(new DOMException('x', 'AbortError')).status).toBe('CANCELLED');
    expect(MeshError.from('a string').status).toBe('UNKNOWN');
  });

  test('keeps what is a MeshError already', () => {
    const error = MeshError.invalid('order', [{ field: 'lines', description: 'is empty' }]);
    expect(MeshError.from(error)).toBe(error);
    expect(error.message).toBe('[invalid_argument] order: lines: is empty');
  });
});

describe('status', () => {
  test('numbers and names are each other’s inverse, and an unknown number is UNKNOWN', () => {
    for (const [name, code] of Object.entries(statusCode)) expect(statusName(code)).toBe(name);
    expect(statusName(99)).toBe('UNKNOWN');
  });
});

describe('a wait', () => {
  test('ends at once when its signal aborts, with the reason of the signal', async () => {
    const stop = new AbortController();
    const wait = systemClock.sleep(60_000, stop.signal);
    stop.abort(new MeshError('the server drains', { status: 'UNAVAILABLE' }));
    await expect(wait).rejects.toThrow('the server drains');
  });

  test('that was given up before it began does not begin', async () => {
    await expect(systemClock.sleep(60_000, AbortSignal.abort())).rejects.toMatchObject({
      status: 'CANCELLED',
    });
    expect(aborted(AbortSignal.abort(), 'a test').message).toMatch(/a test was given up/);
  });
});

describe('context', () => {
  test('is seen by everything that the work awaits, and by nothing else', async () => {
    const trace = childTrace(undefined, systemRandom);
    const seen = await runInContext({ trace }, async () => {
      await systemClock.sleep(1);
      return currentContext().trace;
    });
    expect(seen).toEqual(trace);
    expect(currentContext()).toEqual({});
  });

  test('a trace survives its header', () => {
    const trace = childTrace(undefined, systemRandom);
    expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
  });

  test.each([undefined, '', '00-zz', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`])(
    'a header that is no trace (%j) starts a new one',
    (header) => {
      expect(parseTraceparent(header)).toBeUndefined();
    },
  );
});

describe('names', () => {
  const hostile = ['../x', 'a/b', 'A', 'a b', '', '-a', 'a-', 'a%2Fb', 'a'.repeat(64), 'a.b', 'ä'];
  test.each(hostile)('%j is no service name', (name) => {
    expect(() => checkServiceName(name)).toThrow(/is not a service name: use 1 to 63/);
  });

  test.each(['a.b', 'a>', '*', '', 'a b', 'a\r\n', 'a'.repeat(65)])('%j is no token', (value) => {
    expect(() => checkToken(value, 'a channel')).toThrow(/cannot be a channel/);
  });

  test('whatever passes is safe inside a path and inside a subject', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          checkServiceName(text);
        } catch {
          return;
        }
        expect(encodeURIComponent(text)).toBe(text);
        expect(text).not.toMatch(/[.*>\s]/);
      }),
    );
  });
});

describe('chance', () => {
  test('jitter stays within its share', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (next) => {
        const ms = jitter(100, 0.2, { next: () => next, hex: () => '' });
        expect(ms).toBeGreaterThanOrEqual(80);
        expect(ms).toBeLessThanOrEqual(120);
      }),
    );
  });

  test('never gives the same digits twice, whatever lengths are asked for', () => {
    const lengths = Array.from({ length: 2000 }, (_, i) => 8 + (i % 9));
    const ids = [...lengths, 5000].map((bytes) => {
      const id = systemRandom.hex(bytes);
      expect(id).toHaveLength(2 * bytes);
      return id.slice(0, 16);
    });
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('sortable ids sort by their time and have 26 characters', () => {
    const ids = [1, 1000, 1_700_000_000_000, 2_000_000_000_000].map((ms) =>
      sortableId(ms, systemRandom),
    );
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[0-9A-Z]{26}$/);
  });
});

test('the earlier of two deadlines binds, an absent one does not', () => {
  expect(earlier({ at: 1 }, { at: 2 })).toEqual({ at: 1 });
  expect(earlier(undefined, { at: 2 })).toEqual({ at: 2 });
  expect(earlier(undefined, undefined)).toBeUndefined();
});

test('an IPv6 address is written in brackets', () => {
  expect(addressOf({ host: '::1', port: 80 })).toBe('[::1]:80');
  expect(addressOf({ host: 'a', port: 80 })).toBe('a:80');
});

test('closing goes in reverse order, to the end, and names every failure', async () => {
  const order: string[] = [];
  const closeable = (name: string, fails = false): { close(): Promise<void> } => ({
    close: () => {
      order.push(name);
      return fails ? Promise.reject(new Error(`${name} broke`)) : Promise.resolve();
    },
  });
  await expect(
    closeAll([closeable('a', true), closeable('b'), closeable('c', true)]),
  ).rejects.toThrow('c broke; a broke');
  expect(order).toEqual(['c', 'b', 'a']);
});
