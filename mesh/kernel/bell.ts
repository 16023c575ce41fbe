import type { Clock } from './clock.ts';

/**
 * Wakes whoever waits for news in this process. It carries nothing and remembers nothing: who hears it looks
 * into the store, and who waits looks from time to time anyway, because other instances ring their own bells.
 */
export interface Bell {
  /** Wakes all who wait for this key; without one, those who wait without one. */
  ring(key?: string): void;
  /** Resolves when the key is rung, after `withinMs`, or when the signal aborts. Never rejects. */
  heard(wait: BellWait): Promise<void>;
}

export interface BellWait {
  /** What the news is about. Default: the one thing that this bell is for. */
  readonly key?: string;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** A bell of this process; it has nothing to close. */
export function createBell(clock: Clock): Bell {
  const waiting = new Map<string, Set<() => void>>();
  return {
    ring(key = '') {
      for (const wake of [...(waiting.get(key) ?? [])]) wake();
    },
    heard: ({ key = '', withinMs, signal }) =>
      new Promise((resolve) => {
        const waiters = waiting.get(key) ?? new Set();
        const wake = (): void => {
          cancel();
          signal.removeEventListener('abort', wake);
          waiters.delete(wake);
          if (waiters.size === 0 && waiting.get(key) === waiters) waiting.delete(key);
          resolve();
        };
        const cancel = clock.after(withinMs, wake);
        waiting.set(key, waiters.add(wake));
        signal.addEventListener('abort', wake, { once: true });
        if (signal.aborted) wake();
      }),
  };
}
