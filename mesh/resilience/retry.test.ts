import { describe, expect, test } from '@jest/globals';
import type { Idempotency, MethodInfo } from '../kernel/call.ts';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import type { Status } from '../kernel/status.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { createRetry, type RepeatedCall, type Retry, type RetryOptions } from './retry.ts';
import { classify, waitBefore } from './retry-rules.ts';
import { UnreachedError } from './unreached.ts';

function method(idempotency: Idempotency, attempts?: number): MethodInfo {
  return {
    service: 'shop.inventory.v1.InventoryService',
    name: 'Reserve',
    path: '/shop.inventory.v1.InventoryService/Reserve',
    kind: 'unary',
    idempotency,
    policy: attempts === undefined ? {} : { attempts },
  };
}

function error(status: Status, reason?: string, retryAfterMs?: number): MeshError {
  return new MeshError('it failed', {
    status,
    ...(reason !== undefined && { reason }),
    ...(retryAfterMs !== undefined && { details: { retryAfterMs } }),
  });
}

const unavailable = error('UNAVAILABLE');
const unreached = new UnreachedError('connection refused');

function retryOf(options: Partial<RetryOptions> = {}): Retry {
  return createRetry({ clock: systemClock, random: createSeededRandom(1), ...options });
}

/** Runs a call whose attempts fail with `errors` one after another, then succeed. */
async function run(
  retry: Retry,
  call: RepeatedCall,
  errors: readonly MeshError[],
): Promise<{ attempts: number; outcome: string }> {
  let attempts = 0;
  try {
    await retry.run(call, (number) => {
      attempts++;
      expect(number).toBe(attempts);
      const failure = errors[attempts - 1];
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    });
    return { attempts, outcome: 'OK' };
  } catch (thrown) {
    return { attempts, outcome: MeshError.from(thrown).status };
  }
}

describe('what may be tried again', () => {
  test('an idempotent method: what a handler may have seen', () => {
    const repeatable: MeshError[] = [
      unavailable,
      error('DEADLINE_EXCEEDED'),
      error('CANCELLED'),
      error('RESOURCE_EXHAUSTED', undefined, 50),
    ];
    for (const each of repeatable) {
      expect(classify(method('idempotent'), each)).toBe('repeatable');
      expect(classify(method('no-side-effects'), each)).toBe('repeatable');
      expect(classify(method('unknown'), each)).toBe('final');
    }
  });

  test('any method: what surely never reached a handler', () => {
    expect(classify(method('unknown'), unreached)).toBe('unreached');
    expect(classify(method('unknown'), error('UNAVAILABLE', 'DRAINING'))).toBe('unreached');
  });

  test('no method: an answer', () => {
    const answers: Status[] = ['NOT_FOUND', 'INVALID_ARGUMENT', 'INTERNAL', 'UNKNOWN', 'ABORTED'];
    for (const status of answers) {
      expect(classify(method('idempotent'), error(status))).toBe('final');
    }
    expect(classify(method('idempotent'), error('RESOURCE_EXHAUSTED'))).toBe('final');
    expect(classify(method('idempotent'), error('UNAVAILABLE', 'NO_ENDPOINT'))).toBe('final');
  });
});

describe('how long it waits', () => {
  const random = createSeededRandom(7);

  test('25 ms, doubled to at most 250 ms, 20 % either way', () => {
    const bounds = [25, 50, 100, 200, 250, 250];
    bounds.forEach((middle, i) => {
      for (let n = 0; n < 50; n++) {
        const waitMs = waitBefore(i + 2, unavailable, random);
        expect(waitMs).toBeGreaterThanOrEqual(middle * 0.8);
        expect(waitMs).toBeLessThan(middle * 1.2);
      }
    });
  });

  test('not at all when no handler was reached, the first time', () => {
    expect(waitBefore(2, unreached, random)).toBe(0);
    expect(waitBefore(2, error('UNAVAILABLE', 'DRAINING', 5000), random)).toBe(0);
    expect(waitBefore(3, unreached, random)).toBeGreaterThan(0);
  });

  test('exactly as long as the server asks', () => {
    expect(waitBefore(2, error('UNAVAILABLE', undefined, 1234), random)).toBe(1234);
  });
});

describe('the retry of a call', () => {
  test('makes three attempts, or as many as the schema says', async () => {
    const always = Array.from({ length: 9 }, () => unavailable);
    const info = method('idempotent');
    expect(await run(retryOf(), { method: info }, always)).toEqual({
      attempts: 3,
      outcome: 'UNAVAILABLE',
    });
    const five = method('idempotent', 5);
    expect((await run(retryOf(), { method: five }, always)).attempts).toBe(5);
    const once = method('idempotent', 1);
    expect((await run(retryOf(), { method: once }, [unreached])).attempts).toBe(1);
  });

  test('succeeds when a later attempt does', async () => {
    const call = { method: method('idempotent') };
    expect(await run(retryOf(), call, [unavailable])).toEqual({ attempts: 2, outcome: 'OK' });
  });

  test('never repeats what is not idempotent and may have been done', async () => {
    const call = { method: method('unknown') };
    expect((await run(retryOf(), call, [unavailable])).attempts).toBe(1);
    expect((await run(retryOf(), call, [unreached])).outcome).toBe('OK');
  });

  test('does not begin what the deadline leaves no time for', async () => {
    const deadline = deadlineIn(10, systemClock);
    const call = { method: method('idempotent'), deadline };
    expect((await run(retryOf(), call, [unavailable])).attempts).toBe(1);
    const later = { method: method('idempotent'), deadline: deadlineIn(1000, systemClock) };
    expect((await run(retryOf(), later, [error('UNAVAILABLE', undefined, 2000)])).attempts).toBe(1);
    expect((await run(retryOf(), later, [error('UNAVAILABLE', undefined, 1)])).attempts).toBe(2);
  });

  test('a server that wants no retry gets none', async () => {
    const never = error('UNAVAILABLE', undefined, Number.POSITIVE_INFINITY);
    expect((await run(retryOf(), { method: method('idempotent') }, [never])).attempts).toBe(1);
  });

  test('a stream of requests that is partly used up is not sent again', async () => {
    const call = { method: method('idempotent'), replayable: () => false };
    expect((await run(retryOf(), call, [unreached])).attempts).toBe(1);
  });

  test('ends its wait as soon as the caller leaves', async () => {
    const clock = createFakeClock();
    const caller = new AbortController();
    const call = { method: method('idempotent'), signal: caller.signal };
    const outcome = run(retryOf({ clock }), call, [error('UNAVAILABLE', undefined, 5000)]);
    while (clock.pending === 0) await systemClock.sleep(1);
    caller.abort();
    expect(await outcome).toEqual({ attempts: 1, outcome: 'CANCELLED' });
    expect(clock.pending).toBe(0);
  });

  test('a budget stops a storm: a thousand calls that all fail make 300 retries, not 2000', async () => {
    const retry = retryOf({ baseMs: 0.01, maxMs: 0.01 });
    const always = [unavailable, unavailable, unavailable];
    const runs = Array.from({ length: 1000 }, () =>
      run(retry, { method: method('idempotent') }, always),
    );
    const attempts = (await Promise.all(runs)).reduce((sum, each) => sum + each.attempts, 0);
    expect(attempts).toBe(1000 + 200 + 100);
  });

  describe('of an attempt that never left this process', () => {
    const turnedAway = new UnreachedError('refused', { turnedAway: true });

    /** As \`run\`, with \`others\` endpoints beside the first; which numbers the attempts had, and the waits. */
    async function elsewhere(others: number, errors: readonly MeshError[]) {
      const numbers: number[] = [];
      const told: boolean[] = [];
      const retry = retryOf({ budget: { share: 0, perSecond: 0 }, baseMs: 1, maxMs: 1 });
      let left = others;
      const outcome = await retry
        .run(
          {
            method: method('unknown'),
            elsewhere: () => left-- > 0,
            repeats: (transparent) => told.push(transparent),
          },
          (number) => {
            const failure = errors[numbers.length];
            numbers.push(number);
            return failure === undefined ? Promise.resolve('OK') : Promise.reject(failure);
          },
        )
        .catch((thrown: unknown) => MeshError.from(thrown).status);
      return { numbers, told, outcome };
    }
    const many = (length: number, each: MeshError): MeshError[] =>
      Array.from({ length }, () => each);

    test('goes elsewhere as often as there is an elsewhere, and counts for nothing', async () => {
      expect(await elsewhere(9, many(9, unreached))).toEqual({
        numbers: Array.from({ length: 10 }, () => 1),
        told: Array.from({ length: 9 }, () => true),
        outcome: 'OK',
      });
    });

    test('counts, but is not paid for, once there is no elsewhere left', async () => {
      expect(await elsewhere(2, many(9, unreached))).toEqual({
        numbers: [1, 1, 1, 2, 3],
        told: [true, true, false, false],
        outcome: 'UNAVAILABLE',
      });
    });

    test('is told from one that a server turned away, which is paid for', async () => {
      const { numbers, outcome } = await elsewhere(9, [turnedAway]);
      expect({ numbers, outcome }).toEqual({ numbers: [1], outcome: 'UNAVAILABLE' });
    });

    test('is not repeated when the caller has left, nor without time', async () => {
      const retry = retryOf();
      const gone = AbortSignal.abort();
      const call = { method: method('unknown'), elsewhere: () => true };
      const failing = () => Promise.reject(unreached);
      await expect(retry.resume({ ...call, signal: gone }, unreached, 1, failing)).rejects.toBe(
        unreached,
      );
      const deadline = deadlineIn(5, systemClock);
      await expect(retry.run({ ...call, deadline }, failing)).rejects.toBe(unreached);
    });
  });
});
