import { systemClock } from '../kernel/clock.ts';
import { environment } from './environment.ts';
import type { CommandIo } from './mesh-door.ts';

/** Where a command writes that goes on until somebody ends it. */
export interface LiveIo extends CommandIo {
  /** Aborts when the person has seen enough. */
  readonly signal: AbortSignal;
  /** Resolves when what was printed has been read as far as it must be for more to be printed. */
  ready(): Promise<void>;
}

/** The terminal of this process: Ctrl-C, or the end of who reads the output (`| head`), is the end. */
export function processLive(): LiveIo {
  const over = new AbortController();
  const { stdout } = process;
  // Registered with the first use of the command and not with this: --help must not change what Ctrl-C does.
  let watched = false;
  const watch = (): void => {
    if (watched) return;
    watched = true;
    process.once('SIGINT', () => over.abort());
    process.once('SIGTERM', () => over.abort());
    stdout.on('error', () => over.abort());
  };
  return {
    print(text) {
      if (!over.signal.aborted) stdout.write(`${text}\n`);
    },
    note: (text) => console.error(text),
    environment: environment(),
    get signal() {
      watch();
      return over.signal;
    },
    ready: () =>
      new Promise((resolve) => {
        if (!stdout.writableNeedDrain || over.signal.aborted) {
          resolve();
          return;
        }
        const done = (): void => {
          stdout.off('drain', done);
          over.signal.removeEventListener('abort', done);
          resolve();
        };
        stdout.once('drain', done);
        over.signal.addEventListener('abort', done, { once: true });
      }),
  };
}

/** A signal that aborts with `outer`, after `withinMs` if that is given, and when `end` is called. */
export function ending(
  outer: AbortSignal,
  withinMs?: number,
): { readonly signal: AbortSignal; readonly end: () => void } {
  const own = new AbortController();
  const end = (): void => own.abort();
  if (withinMs !== undefined) {
    const cancel = systemClock.after(withinMs, end);
    outer.addEventListener('abort', cancel, { once: true });
  }
  return { signal: AbortSignal.any([outer, own.signal]), end };
}
