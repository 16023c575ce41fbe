import type { Clock } from '#mesh';

/**
 * Wakes whoever waits for work in this process. It carries nothing and remembers nothing: who hears it
 * looks into the store, and who waits looks from time to time anyway, because other instances ring their
 * own bells.
 */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, after `withinMs`, or when the signal aborts. Never rejects. */
  heard(withinMs: number, signal: AbortSignal): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  const waiting = new Set<() => void>();
  return {
    ring() {
      for (const wake of [...waiting]) wake();
    },
    heard: (withinMs, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          cancel();
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        const cancel = clock.after(withinMs, wake);
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
        if (signal.aborted) wake();
      }),
  };
}
