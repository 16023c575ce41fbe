import type { CallContext } from '../kernel/call.ts';
import type { Clock } from '../kernel/clock.ts';
import type { MeshError } from '../kernel/error.ts';
import { onGivenUp } from './signals.ts';

export interface WaitOptions {
  readonly clock: Clock;
  /** Longest wait, in ms. */
  readonly ms: number;
  /** The call that waits; the wait ends when its caller gives up, with the reason of that. */
  readonly context: CallContext;
  /** The error of a wait that took too long. */
  readonly late: () => MeshError;
}

/** Waits for what many may wait for: it goes on when one of them gives up, who leaves nothing behind. */
export async function waitFor(work: Promise<void>, options: WaitOptions): Promise<void> {
  const { clock, ms, context, late } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stopListening = onGivenUp(context, reject);
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
