import type { Clock } from '../../kernel/clock.ts';

/** Wakes one sleeper; a ring while nobody sleeps is remembered and counts once. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, at once if one was missed, after `ms`, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let rung = false;
  let wake = (): void => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        const sleep = Promise.withResolvers<undefined>();
        wake = () => {
          sleep.resolve(undefined);
        };
        const cancel = clock.after(ms, wake);
        signal.addEventListener('abort', wake, { once: true });
        await sleep.promise;
        signal.removeEventListener('abort', wake);
        cancel();
      }
      rung = false;
    },
  };
}
