import type { ControlledTransaction } from 'kysely';
import { aborted } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import { onAbort } from './abort.ts';
import { runTasks, type Scopes } from './scope.ts';

/**
 * Runs `work` in the begun transaction `tx`, then commits; rolls back when the work throws or the signal
 * aborts. An abort does not wait for the work: whatever it still tries on `tx` fails.
 */
export async function runTransaction<DB, T>(
  tx: ControlledTransaction<DB>,
  work: (tx: ControlledTransaction<DB>) => Promise<T>,
  { scopes, log, signal }: { scopes: Scopes; log: Log; signal?: AbortSignal | undefined },
): Promise<T> {
  try {
    const result = await unlessAborted(
      scopes.run(tx, () => work(tx)),
      signal,
    );
    await tx.commit().execute();
    runTasks(scopes.close(tx), log);
    return result;
  } catch (thrown) {
    scopes.close(tx);
    const rollback = rollBack(tx, log);
    // A rollback queues behind a statement that still runs; whoever gave up does not wait for it.
    if (signal?.aborted !== true) await rollback;
    throw thrown;
  }
}

/** Rolls back what is neither committed nor rolled back; never throws. */
export async function rollBack<DB>(tx: ControlledTransaction<DB>, log: Log): Promise<void> {
  if (tx.isCommitted || tx.isRolledBack) return;
  try {
    await tx.rollback().execute();
  } catch (err) {
    // The connection is gone, and the transaction with it; the first error is the one to tell.
    log.debug('rolling back failed', { err });
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      reject(aborted(signal, 'a transaction'));
    };
    if (signal.aborted) giveUp();
    const forget = onAbort(signal, giveUp);
    work.then(resolve, reject).finally(forget);
  });
}
