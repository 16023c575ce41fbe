import { aborted, type Clock } from '../../kernel/clock.ts';
import type { Asks } from './asks.ts';

/** Those of this process who wait for the end of a question. */
export interface Waiting {
  /** Resolves when the question is over; rejects when `signal` aborts. */
  until(askId: string, signal: AbortSignal): Promise<void>;
  /** The question has ended, as this process knows by itself. */
  ended(askId: string): void;
}

export interface WaitingOptions<DB> {
  readonly asks: Pick<Asks<DB>, 'over'>;
  /** How often the database is asked for answers that another instance has taken, in ms. */
  readonly pollMs: number;
  readonly clock: Clock;
}

/**
 * An answer is taken by whichever instance of the service gets it, and stands in the database then. The one
 * that waits knows at once when it is the same instance; for the others it looks, once for all who wait.
 */
export function createWaiting<DB>({ asks, pollMs, clock }: WaitingOptions<DB>): Waiting {
  const waiters = new Map<string, () => void>();
  let looking = false;
  const ended = (askId: string): void => {
    waiters.get(askId)?.();
    waiters.delete(askId);
  };
  const look = async (): Promise<void> => {
    while (waiters.size > 0) {
      await clock.sleep(pollMs);
      // A database that is away now may be back at the next look; whoever waits has a deadline.
      const over = await asks.over([...waiters.keys()]).catch(() => []);
      for (const id of over) ended(id);
    }
    looking = false;
  };
  return {
    async until(askId, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const onAbort = (): void => {
        waiters.delete(askId);
        reject(aborted(signal, 'a reply'));
      };
      if (signal.aborted) onAbort();
      else {
        signal.addEventListener('abort', onAbort, { once: true });
        waiters.set(askId, resolve);
      }
      if (!looking) {
        looking = true;
        void look();
      }
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    ended,
  };
}
