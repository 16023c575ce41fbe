import { aborted, type Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';

/** Hands out one turn at a time, in the order of asking. */
export interface Turns {
  /**
   * Resolves with the function that ends the turn. The wait ends when `signal` aborts; without a signal,
   * with UNAVAILABLE/STORE_BUSY after `waitMs`.
   */
  take(waitMs: number, signal?: AbortSignal): Promise<() => void>;
}

// SQLite has no queue between processes: whoever finds the file unlocked gets it, so a busy process would
// lock all others out. After `burstMs` of unbroken turns this one leaves the file alone for `gapMs`, in
// which the others, who ask every 1-4 ms, get in. Costs 5 % of a saturated writer, nothing of others.
const burstMs = 20;
const gapMs = 1;

export function createTurns(clock: Clock): Turns {
  const waiting: (() => void)[] = [];
  let taken = false;
  let burstBegan = 0;
  let endedAt = Number.NEGATIVE_INFINITY;

  const handOver = (): void => {
    const next = waiting.shift();
    if (next === undefined) {
      taken = false;
    } else {
      next();
    }
  };
  const end = (): void => {
    endedAt = clock.monotonic();
    if (waiting.length > 0 && clock.monotonic() - burstBegan > burstMs) {
      // A sleep, not a timer: whoever waits behind it must keep the process alive.
      void clock.sleep(gapMs).then(() => {
        burstBegan = clock.monotonic();
        handOver();
      });
    } else {
      handOver();
    }
  };
  const oneTurn = (): (() => void) => {
    let ended = false;
    return () => {
      if (!ended) end();
      ended = true;
    };
  };
  return {
    async take(waitMs, signal) {
      if (signal?.aborted === true) throw aborted(signal, 'waiting for the database');
      if (taken) {
        await queue(waiting, { clock, waitMs, signal });
      } else {
        taken = true;
        // Turns that follow at once are one burst, also when nobody stood in line in between: a group of
        // works ends, and its next one comes a moment later.
        const nowMs = clock.monotonic();
        if (nowMs - endedAt > gapMs) {
          burstBegan = nowMs;
        } else if (nowMs - burstBegan > burstMs) {
          await clock.sleep(gapMs);
          burstBegan = clock.monotonic();
        }
      }
      return oneTurn();
    },
  };
}

function queue(
  waiting: (() => void)[],
  { clock, waitMs, signal }: { clock: Clock; waitMs: number; signal: AbortSignal | undefined },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const onTurn = (): void => {
      settle();
      resolve();
    };
    const leave = (error: MeshError): void => {
      settle();
      waiting.splice(waiting.indexOf(onTurn), 1);
      reject(error);
    };
    const onAbort = (): void => {
      if (signal) leave(aborted(signal, 'waiting for the database'));
    };
    const busy = (): void => {
      leave(
        new MeshError(
          `${String(waiting.length)} writers of this process wait for the database, this one for ${String(waitMs)} ms; shorten the transactions or write less at once`,
          { status: 'UNAVAILABLE', reason: 'STORE_BUSY', details: { retryAfterMs: 500 } },
        ),
      );
    };
    const cancel = signal === undefined ? clock.after(waitMs, busy) : () => undefined;
    signal?.addEventListener('abort', onAbort, { once: true });
    waiting.push(onTurn);
  });
}
