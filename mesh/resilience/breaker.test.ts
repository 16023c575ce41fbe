import { describe, expect, test } from '@jest/globals';
import { CircuitState } from 'cockatiel';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { eventually } from '../testing/eventually.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { type Breaker, type BreakerOptions, createBreaker } from './breaker.ts';
import type { Verdict } from './failure.ts';
import { createFailureWindow } from './failure-window.ts';

function bed(options: BreakerOptions = {}): { breaker: Breaker; lines: string[] } {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (message: string): void => {
      lines.push(`${level} ${message}`);
    };
  const log: Log = { ...silentLog, info: note('info'), warn: note('warn') };
  const parts = { target: 'inventory', clock: systemClock, random: createSeededRandom(1), log };
  return { breaker: createBreaker(parts, { openMs: 40, ...options }), lines };
}

/** One call after another, all with the same end. */
function call(breaker: Breaker, verdict: Verdict, times = 1): void {
  for (let i = 0; i < times; i++) breaker.enter().leave(verdict);
}

function refusalOf(breaker: Breaker): MeshError {
  try {
    breaker.enter();
  } catch (thrown) {
    return MeshError.from(thrown);
  }
  throw new Error('the breaker let the call through');
}

async function open(breaker: Breaker): Promise<void> {
  call(breaker, 'failure', 5);
  await eventually(() => breaker.state === 'open');
}

/** Waits until the breaker lets one call try, and returns that call. */
function nextProbe(breaker: Breaker): Promise<ReturnType<Breaker['enter']>> {
  return eventually(() => breaker.enter(), { everyMs: 2 });
}

describe('a breaker that is open', () => {
  test('learns nothing from calls that come back late, and opens again when it must', async () => {
    const { breaker, lines } = bed();
    const late = [breaker.enter(), breaker.enter()];
    await open(breaker);
    late[0]?.leave('failure');
    const probe = await nextProbe(breaker);
    late[1]?.leave('failure');
    probe.leave('success');
    await eventually(() => breaker.state === 'closed');
    expect(lines).toEqual(['warn breaker opened', 'info breaker probes', 'info breaker closed']);
    await open(breaker);
  });
});

describe('the window of a breaker', () => {
  const closed = CircuitState.Closed;

  test('opens after seven failures in a row, however slowly they came', () => {
    const clock = createFakeClock();
    const window = createFailureWindow({ minCalls: 1000 }, clock);
    const answers = Array.from({ length: 7 }, () => {
      clock.advance(60_000);
      return window.failure(closed);
    });
    expect(answers).toEqual([false, false, false, false, false, false, true]);
    expect(window.describe()).toBe('7 failures in a row');
  });

  test('a success breaks the run', () => {
    const clock = createFakeClock();
    const window = createFailureWindow({ minCalls: 1000 }, clock);
    for (let i = 0; i < 6; i++) window.failure(closed);
    window.success(closed);
    clock.advance(1000);
    for (let i = 0; i < 6; i++) expect(window.failure(closed)).toBe(false);
    clock.advance(1000);
    expect(window.failure(closed)).toBe(true);
  });

  test('a row of one moment is one broken connection, not a dead target', () => {
    const clock = createFakeClock();
    const window = createFailureWindow({}, clock);
    for (let i = 0; i < 200; i++) window.success(closed);
    for (let i = 0; i < 20; i++) expect(window.failure(closed)).toBe(false);
    clock.advance(100);
    expect(window.failure(closed)).toBe(true);
  });

  test('opens when less than 80 % succeed, of at least five calls', () => {
    const window = createFailureWindow({}, createFakeClock());
    for (let i = 0; i < 3; i++) window.success(closed);
    expect(window.failure(closed)).toBe(false);
    expect(window.failure(closed)).toBe(true);
    expect(window.describe()).toBe('success 60 % of 5 calls in 10 s');
  });

  test('stays closed at 80 %', () => {
    const window = createFailureWindow({}, createFakeClock());
    for (let i = 0; i < 20; i++) {
      for (let s = 0; s < 4; s++) window.success(closed);
      expect(window.failure(closed)).toBe(false);
    }
  });

  test('does not hold an hour-old outage against a target', () => {
    const clock = createFakeClock();
    const window = createFailureWindow({ consecutive: 1000 }, clock);
    for (let i = 0; i < 60; i++) window.failure(closed);
    clock.advance(3_600_000);
    for (let i = 0; i < 9; i++) window.success(closed);
    expect(window.failure(closed)).toBe(false);
  });
});

describe('a breaker', () => {
  test('lets everything through while it is closed, and never opens for answers', () => {
    const { breaker, lines } = bed();
    call(breaker, 'success', 100);
    call(breaker, 'neutral', 100);
    expect(breaker.state).toBe('closed');
    expect(lines).toEqual([]);
  });

  test('open, it refuses at once and says for how long', async () => {
    const { breaker } = bed({ openMs: 5000 });
    await open(breaker);
    const error = refusalOf(breaker);
    expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'BREAKER_OPEN' });
    expect(error.message).toContain(
      'inventory: not called, its breaker is open (success 0 % of 5 calls in 10 s)',
    );
    expect(error.details.retryAfterMs).toBeGreaterThan(3500);
    expect(error.details.retryAfterMs).toBeLessThanOrEqual(6000);
  });

  test('one call tries whether the target is back, the surplus is refused; then it closes', async () => {
    const { breaker, lines } = bed();
    await open(breaker);
    const probe = await nextProbe(breaker);
    expect(breaker.state).toBe('half-open');
    const surplus = Array.from({ length: 50 }, () => refusalOf(breaker));
    expect(surplus.every((error) => error.details.retryAfterMs === 100)).toBe(true);
    probe.leave('success');
    await eventually(() => breaker.state === 'closed');
    // What was before it opened is forgotten: four failures alone prove nothing.
    call(breaker, 'failure', 4);
    expect(breaker.state).toBe('closed');
    expect(lines).toEqual(['warn breaker opened', 'info breaker probes', 'info breaker closed']);
  });

  test('a probe that fails opens it again, for longer', async () => {
    const { breaker } = bed();
    await open(breaker);
    for (let i = 0; i < 3; i++) {
      (await nextProbe(breaker)).leave('failure');
      await eventually(() => breaker.state === 'open', { everyMs: 1 });
    }
    // 40 ms, doubled three times, -20 %.
    expect(refusalOf(breaker).details.retryAfterMs).toBeGreaterThan(240);
  });

  test('a probe whose caller leaves decides nothing: the next call tries', async () => {
    const { breaker } = bed();
    await open(breaker);
    (await nextProbe(breaker)).leave('neutral');
    expect(breaker.state).toBe('half-open');
    const second = breaker.enter();
    refusalOf(breaker);
    second.leave('success');
    await eventually(() => breaker.state === 'closed');
  });

  test('calls that were under way when it opened change nothing when they come back', async () => {
    const { breaker } = bed();
    const late = Array.from({ length: 20 }, () => breaker.enter());
    await open(breaker);
    (await nextProbe(breaker)).leave('success');
    await eventually(() => breaker.state === 'closed');
    for (const passage of late) passage.leave('failure');
    expect(breaker.state).toBe('closed');
    expect(breaker.enter()).toBeDefined();
  });

  test('many failures at once open it once', async () => {
    const { breaker, lines } = bed({ openMs: 5000 });
    const passages = Array.from({ length: 64 }, () => breaker.enter());
    for (const passage of passages) passage.leave('failure');
    await eventually(() => breaker.state === 'open');
    expect(lines).toEqual(['warn breaker opened']);
  });
});
