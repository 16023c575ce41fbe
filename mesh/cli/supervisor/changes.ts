import type { Clock } from '../../kernel/clock.ts';

/** Wakes whoever waits for something to change. */
export interface Changes {
  /** Something changed. */
  tell(): void;
  /** Resolves at the next change, after `ms`, or when the signal aborts; the waiter looks for itself. */
  next(ms: number, signal: AbortSignal): Promise<void>;
}

export function createChanges(clock: Clock): Changes {
  const waiting = new Set<() => void>();
  return {
    tell() {
      for (const wake of [...waiting]) wake();
    },
    next(ms, signal) {
      return new Promise((resolve) => {
        const wake = (): void => {
          cancel();
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const cancel = clock.after(ms, wake);
        waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    },
  };
}
