import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';

export interface PeriodicOptions {
  /** The pause between the end of one run and the beginning of the next, in ms. */
  readonly everyMs: number;
  /** One run. A run that throws is logged, and the next one comes all the same. */
  readonly task: (signal: AbortSignal) => Promise<void>;
  /** What the log calls it. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs a task again and again, never twice at a time. `close` aborts the pause and awaits the running run. */
export function runPeriodically({ everyMs, task, name, clock, log }: PeriodicOptions): Closeable {
  const stop = new AbortController();
  const stopped = (): boolean => stop.signal.aborted;
  const loop = async (): Promise<void> => {
    while (!stopped()) {
      try {
        await task(stop.signal);
      } catch (err) {
        if (!stopped()) log.warn(`${name} failed; it runs again`, { err, everyMs });
      }
      await clock.sleep(everyMs, stop.signal).catch(() => undefined);
    }
  };
  const done = loop();
  return {
    close: () => {
      stop.abort();
      return done;
    },
  };
}
