import { type Clock, childTrace, type Log, type Random, runInContext } from '#mesh';
import type { OrderFlow } from './flow.ts';
import type { OrderStore, Undecided } from './store.ts';

export interface ResumeOptions {
  readonly orders: OrderStore;
  readonly decide: OrderFlow['decide'];
  /** How long an order that is being decided is left alone by all others, in ms. */
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Orders taken at a time, and how many of them are driven at once: a backlog must not crowd out new orders. */
const batch = 64;
const concurrency = 8;

/**
 * One run of the job that decides what was left undecided: by a peer that was away, or by an instance that
 * died between two steps. Goes on while there is a full batch and at least one order of it could be decided.
 */
export function createResume(options: ResumeOptions): (signal: AbortSignal) => Promise<void> {
  const { orders, leaseMs, clock, log } = options;
  return async (signal) => {
    while (!signal.aborted) {
      const nowMs = clock.now();
      const due = await orders.claimDue({ nowMs, untilMs: nowMs + leaseMs, limit: batch });
      if (due.length === 0) return;
      const decided = await driveAll(options, due, signal);
      log.info('undecided orders were taken up', { orders: due.length, decided });
      if (decided === 0 || due.length < batch) return;
    }
  };
}

async function driveAll(
  { decide, random }: ResumeOptions,
  due: readonly Undecided[],
  signal: AbortSignal,
): Promise<number> {
  const queue = due.values();
  let decided = 0;
  const work = async (): Promise<void> => {
    for (const undecided of queue) {
      if (signal.aborted) return;
      const trace = childTrace(undefined, random);
      const context = { trace, ...undecided.origin, signal };
      // A failure is logged and noted where it happens, and the order is due again.
      await runInContext(context, () => decide(undecided)).then(
        () => decided++,
        () => undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return decided;
}
