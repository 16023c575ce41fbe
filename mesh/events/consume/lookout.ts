import { createBell } from '../../kernel/bell.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';

/** Looks into the database again and again, by itself and when it is told to. */
export interface Lookout extends Closeable {
  /** There may be something: it looks at once, or, if it is looking, once more. */
  look(): void;
}

export interface LookoutOptions {
  /** Gives how long the next look has time, in ms; nothing or less: none. */
  readonly look: (stop: AbortSignal) => Promise<number>;
  /** How long it waits after a look that failed, in ms. */
  readonly afterFaultMs: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

export function createLookout({ look, afterFaultMs, clock, log }: LookoutOptions): Lookout {
  const bell = createBell(clock);
  const stop = new AbortController();
  // The bell remembers nothing, and it may ring during a look.
  let again = false;
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      let waitMs: number;
      try {
        waitMs = await look(stop.signal);
      } catch (err) {
        log.debug('what is parked cannot be read; tried again', { err });
        waitMs = afterFaultMs();
      }
      if (waitMs <= 0) continue;
      if (!again) await bell.heard({ withinMs: waitMs, signal: stop.signal });
      again = false;
    }
  };
  const running = run();
  return {
    look() {
      again = true;
      bell.ring();
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
