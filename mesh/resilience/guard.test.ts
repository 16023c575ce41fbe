import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { type Status, statusCode } from '../kernel/status.ts';
import { eventually } from '../testing/eventually.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { verdictOf } from './failure.ts';
import { createGuard, type Guard, type GuardOptions } from './guard.ts';

function guardOf(options: Partial<GuardOptions> = {}): Guard {
  const random = createSeededRandom(1);
  return createGuard({
    target: 'inventory',
    clock: systemClock,
    random,
    log: silentLog,
    ...options,
  });
}

const down = new MeshError('down', { status: 'UNAVAILABLE' });

describe('what counts against a target', () => {
  const verdicts = (reason?: string): Partial<Record<Status, string>> =>
    Object.fromEntries(
      Object.keys(statusCode)
        .filter((status) => status !== 'OK')
        .map((status) => [
          status,
          verdictOf(new MeshError('', { status: status as Status, ...(reason && { reason }) })),
        ]),
    );

  test('outages and faults do, the mistakes of callers do not', () => {
    const failures = Object.entries(verdicts()).filter(([, verdict]) => verdict === 'failure');
    expect(failures.map(([status]) => status).sort()).toEqual([
      'DATA_LOSS',
      'DEADLINE_EXCEEDED',
      'INTERNAL',
      'UNAVAILABLE',
      'UNKNOWN',
    ]);
  });

  test('UNKNOWN with a reason was meant', () => {
    expect(verdicts('OUT_OF_TEA').UNKNOWN).toBe('success');
  });

  test('a caller that leaves, and a call that never went out, say nothing', () => {
    expect(verdicts().CANCELLED).toBe('neutral');
    expect(new Set(Object.values(verdicts('NO_ENDPOINT')))).toEqual(new Set(['neutral']));
  });

  test('a target that answers that the breaker before its own target is open did not do its work', () => {
    expect(verdicts('BREAKER_OPEN').UNAVAILABLE).toBe('failure');
  });
});

describe('a guard', () => {
  test('passes results and errors through as they are', async () => {
    const guard = guardOf();
    await expect(guard.execute(() => Promise.resolve(7))).resolves.toBe(7);
    await expect(guard.execute(() => Promise.reject(down))).rejects.toBe(down);
    expect(guard.describe()).toEqual({ breaker: 'closed', inFlight: 0, maxInFlight: 1024 });
  });

  test('refuses what is over its limit at once, and says so', async () => {
    const guard = guardOf({ bulkhead: { maxInFlight: 2 } });
    const release = Promise.withResolvers<void>();
    const first = guard.execute(() => release.promise);
    const stream = guard.stream();
    expect(guard.describe().inFlight).toBe(2);
    const full = { status: 'RESOURCE_EXHAUSTED', reason: 'BULKHEAD_FULL' };
    let called = false;
    const surplus = guard.execute(() => {
      called = true;
      return Promise.resolve();
    });
    await expect(surplus).rejects.toMatchObject(full);
    expect(() => guard.stream()).toThrow(expect.objectContaining(full));
    expect(called).toBe(false);
    stream.ended();
    stream.ended();
    release.resolve();
    await first;
    await eventually(() => guard.describe().inFlight === 0);
  });

  test('a full bulkhead does not count against the target', async () => {
    const guard = guardOf({ bulkhead: { maxInFlight: 1 } });
    const stream = guard.stream();
    for (let i = 0; i < 20; i++) {
      await expect(guard.execute(() => Promise.resolve())).rejects.toThrow('in flight');
    }
    expect(guard.describe().breaker).toBe('closed');
    stream.ended();
  });

  test('opens for unary calls and streams alike, and refuses both', async () => {
    const guard = guardOf();
    for (let i = 0; i < 4; i++) await guard.execute(() => Promise.reject(down)).catch(() => 0);
    guard.stream().ended(down);
    await eventually(() => guard.describe().breaker === 'open');
    await expect(guard.execute(() => Promise.resolve())).rejects.toMatchObject({
      reason: 'BREAKER_OPEN',
    });
    expect(() => guard.stream()).toThrow('breaker is open');
    expect(guard.describe().inFlight).toBe(0);
  });

  test('a stream that answered is a success, however it ends', async () => {
    const guard = guardOf();
    for (let i = 0; i < 20; i++) {
      const stream = guard.stream();
      stream.answered();
      stream.ended(down);
    }
    await eventually(() => guard.describe().inFlight === 0);
    expect(guard.describe().breaker).toBe('closed');
  });
});
