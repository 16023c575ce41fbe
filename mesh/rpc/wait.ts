import { aborted, type Clock } from '../kernel/clock.ts';
import type { MeshError } from '../kernel/error.ts';
import { onAbort } from './signals.ts';

export interface WaitOptions {
  readonly clock: Clock;
  /** Longest wait, in ms. */
  readonly ms: number;
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal | undefined;
  /** Who waits for what, for the error of an abort. */
  readonly what: string;
  /** The error of a wait that took too long. */
  readonly late: () => MeshError;
}

/** Waits for what many may wait for: it goes on when one of them gives up, who leaves nothing behind. */
export async function waitFor(work: Promise<void>, options: WaitOptions): Promise<void> {
  const { clock, ms, signal, what, late } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stopListening = onAbort(signal, () => {
    if (signal !== undefined) reject(aborted(signal, what));
  });
  const stopTimer = clock.after(ms, () => {
    reject(late());
  });
  work.then(resolve, reject);
  try {
    await promise;
  } finally {
    stopListening();
    stopTimer();
  }
}
