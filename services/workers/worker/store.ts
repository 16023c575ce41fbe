/** Tries and results in SQL; a job has many tries and one result. */
import type { Migration, Store, Transaction } from '#mesh';

export const workerMigrations: readonly Migration[] = [
  {
    name: '001-worker',
    up: `
      create table tries (
        job_id text not null,
        worker text not null,
        begun_at bigint not null
      );
      create index tries_by_job on tries (job_id, begun_at);
      create table results (
        job_id text primary key,
        worker text not null
      );
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface WorkerDb {
  tries: { job_id: string; worker: string; begun_at: number };
  results: { job_id: string; worker: string };
}

export interface Try {
  readonly jobId: string;
  readonly worker: string;
  /** Whether the result is this worker's. */
  readonly done: boolean;
}

export interface Bench {
  /** Notes that a worker begins; false when the job has its result. */
  begin(jobId: string, worker: string, nowMs: number): Promise<boolean>;
  /** Writes the result down; false if there is one. */
  finish(tx: Transaction<WorkerDb>, jobId: string, worker: string): Promise<boolean>;
  tries(prefix: string): Promise<readonly Try[]>;
}

export function createBench({ db }: Store<WorkerDb>): Bench {
  return {
    async begin(jobId, worker, nowMs) {
      const result = await db
        .selectFrom('results')
        .selectAll()
        .where('job_id', '=', jobId)
        .executeTakeFirst();
      if (result !== undefined) return false;
      await db.insertInto('tries').values({ job_id: jobId, worker, begun_at: nowMs }).execute();
      return true;
    },

    async finish(tx, jobId, worker) {
      const { numInsertedOrUpdatedRows: added } = await tx
        .insertInto('results')
        .values({ job_id: jobId, worker })
        .onConflict((conflict) => conflict.column('job_id').doNothing())
        .executeTakeFirstOrThrow();
      return added === 1n;
    },

    async tries(prefix) {
      const rows = await db
        .selectFrom('tries')
        .leftJoin('results', 'results.job_id', 'tries.job_id')
        .select(['tries.job_id', 'tries.worker', 'results.worker as done_by'])
        // Not LIKE, to which "_" is any letter, and on SQLite "A" the same as "a".
        .where((row) =>
          row(row.fn('substr', ['tries.job_id', row.val(1), row.val(prefix.length)]), '=', prefix),
        )
        .orderBy('tries.job_id')
        .orderBy('tries.begun_at')
        .execute();
      return rows.map(({ job_id, worker, done_by }) => {
        return { jobId: job_id, worker, done: done_by === worker };
      });
    },
  };
}
