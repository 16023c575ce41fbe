import type { Clock } from '../../kernel/clock.ts';

/** How many calls, when, and how many at a time. */
export interface Schedule {
  readonly perSecond: number;
  /** Calls in all. */
  readonly calls: number;
  /** Most calls at a time; one that is due and finds no place waits for one. */
  readonly concurrency: number;
  readonly clock: Clock;
  /** Ends it early: what is under way is waited for, nothing more is sent. */
  readonly signal: AbortSignal;
}

export interface Looped {
  /** Calls that were sent. */
  readonly sent: number;
  /** Calls that were due before the end and found no place. */
  readonly unsent: number;
  /** Of those that were sent, in ms, ascending: from the moment at which each was due to its answer. */
  readonly latenciesMs: Float64Array;
  /** From the first moment to the last answer. */
  readonly tookMs: number;
}

/** Below this a timer is no use: it rings on the millisecond, or the next one. */
const spinMs = 1.5;

/**
 * Sends calls when they are due, whatever became of those before, and measures each from that moment: a client that
 * waits for a slow answer before it asks again leaves out of its figures just those calls that would have been slow
 * (coordinated omission). `call` must not reject.
 */
export async function openLoop(
  { perSecond, calls, concurrency, clock, signal }: Schedule,
  call: (n: number) => Promise<void>,
): Promise<Looped> {
  const latencies = new Float64Array(calls);
  const gapMs = 1000 / perSecond;
  const startMs = clock.monotonic();
  let [sent, ended] = [0, 0];
  let idle: (() => void) | undefined;

  const send = (n: number): void => {
    sent++;
    const dueMs = startMs + n * gapMs;
    void call(n).then(() => {
      latencies[ended++] = clock.monotonic() - dueMs;
      idle?.();
    });
  };
  const sendDue = (): void => {
    const due = Math.min(calls, Math.floor((clock.monotonic() - startMs) / gapMs) + 1);
    while (sent < due && sent - ended < concurrency) send(sent);
  };

  const lastDueMs = startMs + (calls - 1) * gapMs;
  while (sent < calls && !signal.aborted && clock.monotonic() <= lastDueMs + gapMs) {
    sendDue();
    const waitMs = startMs + sent * gapMs - clock.monotonic();
    if (waitMs > spinMs) await clock.sleep(waitMs - 1, signal).catch(() => undefined);
    // Turn by turn: answers are read in between.
    else await new Promise((resolve) => setImmediate(resolve));
  }
  const owed = Math.min(calls, Math.floor((clock.monotonic() - startMs) / gapMs) + 1);
  while (ended < sent) {
    await new Promise<void>((resolve) => {
      idle = resolve;
    });
  }
  return {
    ...{ sent, unsent: Math.max(0, owed - sent) },
    latenciesMs: latencies.slice(0, ended).sort(),
    tookMs: clock.monotonic() - startMs,
  };
}
