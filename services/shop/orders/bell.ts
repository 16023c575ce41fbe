import type { Clock } from '#mesh';

/**
 * Wakes whoever waits for news of a key in this process. It carries nothing and remembers nothing: who
 * hears it looks into the store, and who waits looks from time to time anyway, because other instances
 * ring their own bells.
 */
export interface Bell {
  ring(key: string): void;
  /** Resolves when the key is rung, after `withinMs`, or when the signal aborts. Never rejects. */
  heard(key: string, withinMs: number, signal: AbortSignal): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  const waiting = new Map<string, Set<() => void>>();
  return {
    ring(key) {
      for (const wake of waiting.get(key) ?? []) wake();
    },
    heard: (key, withinMs, signal) =>
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
