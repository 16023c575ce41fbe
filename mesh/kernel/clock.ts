import { MeshError } from './error.ts';

/**
 * Time as a port. Durations come from `monotonic`, which no clock change moves; `now` is only for what
 * people and other machines read. Tests advance a fake clock instead of sleeping.
 */
export interface Clock {
  /** Wall time in ms since the epoch. */
  now(): number;
  /** Monotonic time in ms, from an arbitrary origin. */
  monotonic(): number;
  /** Runs `task` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, task: () => void): () => void;
  /** Resolves after `ms`; rejects with the signal's reason as CANCELLED as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The error of a wait that its caller gave up. */
export function aborted(signal: AbortSignal, what: string): MeshError {
  const reason: unknown = signal.reason;
  if (reason instanceof MeshError) return reason;
  const from = MeshError.from(reason);
  const status = from.status === 'UNKNOWN' ? 'CANCELLED' : from.status;
  return new MeshError(`${what} was given up by its caller`, { status, cause: reason });
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(aborted(signal, `a wait of ${String(ms)} ms`));
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(aborted(signal as AbortSignal, `a wait of ${String(ms)} ms`));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};
