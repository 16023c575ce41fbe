import type { ControlledTransaction, Transaction } from 'kysely';
import { aborted, type Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import { onAbort } from './abort.ts';
import { rollBack } from './run-transaction.ts';
import { runTasks, type Scopes } from './scope.ts';

/** A transaction that several works share, one after another. */
export interface SharedTransaction<DB> {
  /** Begins a part: its commit keeps it until the COMMIT of all, its rollback undoes it alone. */
  part(): Promise<ControlledTransaction<DB>>;
  commit(): Promise<void>;
  rollBack(): Promise<void>;
  /** False once the database has ended it by itself (disk full, connection lost): nothing of it will be stored. */
  readonly whole: boolean;
}

export interface GroupOptions<DB> {
  /** Begins the transaction of a group. */
  readonly begin: () => Promise<SharedTransaction<DB>>;
  /** Most groups at a time. */
  readonly groups: number;
  readonly scopes: Scopes;
  readonly clock: Clock;
  readonly log: Log;
}

export type Grouped<DB> = <T>(
  work: (tx: Transaction<DB>) => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>;

// The COMMIT of a group costs an fsync, 0.1 to 10 ms: shared by a hundred it no longer counts, and the rows
// of a hundred small works fit into a few pages of the log.
const mostParts = 100;
// The first of a group waits for the last. SQL on SQLite is synchronous, so this is also how long a group may
// keep the event loop from everything else; one work that takes longer ends the group with itself.
const longestMs = 5;

/** A work that waits for its group. */
interface Job<DB> {
  /** Runs it as a part of the group; undefined when it failed, and its caller knows. */
  run(shared: SharedTransaction<DB>): Promise<Kept | undefined>;
  fail(error: unknown): void;
}

/** A part that stands or falls with the COMMIT. */
interface Kept {
  /** Runs what waited for the commit, and tells the caller. */
  committed(): void;
  fail(error: unknown): void;
}

/**
 * Works that come at the same time, one after another in one transaction with one COMMIT. Nobody waits for
 * others to come: a group is whoever is there when the last one has ended.
 */
export function createGroups<DB>(options: GroupOptions<DB>): Grouped<DB> {
  const { groups, begin } = options;
  const queue: Job<DB>[] = [];
  let running = 0;

  const run = async (): Promise<void> => {
    running++;
    while (queue.length > 0) {
      let shared: SharedTransaction<DB>;
      try {
        shared = await begin();
      } catch (thrown) {
        for (const job of queue.splice(0)) job.fail(thrown);
        break;
      }
      await runGroup(shared, queue, options);
    }
    running--;
  };
  return async (work, signal) => {
    options.scopes.refuseNested('a second transaction');
    if (signal?.aborted === true) throw aborted(signal, 'waiting for the database');
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = queue.indexOf(job);
        if (at >= 0) queue.splice(at, 1);
      };
      const job = createJob(work, { resolve, reject, signal, leave }, options);
      queue.push(job);
      if (running < groups) void run();
    });
  };
}

async function runGroup<DB>(
  shared: SharedTransaction<DB>,
  queue: Job<DB>[],
  { clock, log }: GroupOptions<DB>,
): Promise<void> {
  const began = clock.monotonic();
  const kept: Kept[] = [];
  try {
    for (let parts = 0; parts < mostParts; parts++) {
      const job = queue.shift();
      if (job === undefined) break;
      const part = await job.run(shared);
      if (part !== undefined) kept.push(part);
      if (!shared.whole) throw lost();
      if (clock.monotonic() - began > longestMs) break;
    }
    await shared.commit();
  } catch (thrown) {
    for (const part of kept) part.fail(thrown);
    await shared.rollBack().catch((err: unknown) => {
      log.debug('rolling back failed', { err });
    });
    return;
  }
  for (const part of kept) part.committed();
}

interface Caller<T> {
  readonly resolve: (result: T) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  /** Leaves the queue. */
  readonly leave: () => void;
}

function createJob<DB, T>(
  work: (tx: Transaction<DB>) => Promise<T>,
  { resolve, reject, signal, leave }: Caller<T>,
  { scopes, log }: Pick<GroupOptions<DB>, 'scopes' | 'log'>,
): Job<DB> {
  const own = inOwnContext(work, { scopes, log });
  let interrupt = reject;
  const forget =
    signal &&
    onAbort(signal, () => {
      leave();
      interrupt(aborted(signal, 'a transaction'));
    });
  const fail = (error: unknown): void => {
    forget?.();
    reject(error);
  };
  const runIn = (tx: ControlledTransaction<DB>): Promise<T> =>
    new Promise((done, failed) => {
      interrupt = failed;
      own.run(tx).then(done, failed);
    });
  return {
    fail,
    async run(shared) {
      let tx: ControlledTransaction<DB>;
      try {
        tx = await shared.part();
      } catch (thrown) {
        fail(thrown);
        return undefined;
      }
      try {
        const result = await runIn(tx);
        await tx.commit().execute();
        forget?.();
        const tasks = scopes.close(tx);
        return {
          committed() {
            if (tasks.length === 0) resolve(result);
            else void own.tell(tasks).then(() => resolve(result));
          },
          fail,
        };
      } catch (thrown) {
        scopes.close(tx);
        await rollBack(tx, log);
        fail(thrown);
        return undefined;
      }
    },
  };
}

/** A work, and the tasks that wait for its commit, in the context of whoever brought it. */
interface OwnContext<DB, T> {
  run(tx: ControlledTransaction<DB>): Promise<T>;
  tell(tasks: readonly (() => void)[]): Promise<void>;
}

/**
 * The group runs in the context of whoever was first; each work must see its own caller's. A promise keeps the
 * context in which it was waited for, for a tenth of what a snapshot of the context costs.
 */
function inOwnContext<DB, T>(
  work: (tx: Transaction<DB>) => Promise<T>,
  { scopes, log }: Pick<GroupOptions<DB>, 'scopes' | 'log'>,
): OwnContext<DB, T> {
  const turn = Promise.withResolvers<ControlledTransaction<DB>>();
  const commit = Promise.withResolvers<readonly (() => void)[]>();
  const worked = turn.promise.then((tx) => scopes.run(tx, () => work(tx)));
  const told = commit.promise.then((tasks) => runTasks(tasks, log));
  return {
    run(tx) {
      turn.resolve(tx);
      return worked;
    },
    tell(tasks) {
      commit.resolve(tasks);
      return told;
    },
  };
}

function lost(): MeshError {
  return new MeshError(
    'the transaction that this work shared with others was ended by the database; nothing of it is stored, and it may be tried again',
    { status: 'UNAVAILABLE', reason: 'GROUP_LOST' },
  );
}
