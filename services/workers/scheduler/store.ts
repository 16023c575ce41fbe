/** Schedules, jobs and the fence in SQL. */
import type { Store, Transaction } from '#mesh';
import type { Schedule } from './schedule.ts';
import type { JobRow, SchedulerDb } from './tables.ts';

type Tx = Transaction<SchedulerDb>;

export interface Term {
  readonly term: number;
  /** The instance that leads, or led last. */
  readonly holder: string;
}

export interface Plan {
  /** Makes it or replaces it; one that was there before, deleted or not, goes on with its own `count`. */
  putSchedule(schedule: Schedule): Promise<void>;
  deleteSchedule(scheduleId: string): Promise<void>;
  schedules(tx: Tx): Promise<readonly Schedule[]>;
  /** Moves a schedule on, unless it was put anew or deleted since it was read; false if it was. */
  moveOn(tx: Tx, from: Schedule, to: Schedule): Promise<boolean>;
  hasJob(tx: Tx, jobId: string): Promise<boolean>;
  /** Writes a job down; false if it stands there. */
  addJob(tx: Tx, job: Omit<JobRow, 'done_by'>): Promise<boolean>;
  jobDone(tx: Tx, jobId: string, worker: string): Promise<void>;
  jobs(prefix: string): Promise<readonly JobRow[]>;
  /** A new term: from here on nobody else's holds. */
  takeFence(holder: string): Promise<Term>;
  /** Whether the term is the last one; in a transaction no other can begin until it ends. */
  holdsFence(tx: Tx, term: Term): Promise<boolean>;
  lastTerm(): Promise<Term>;
}

export function createPlan(store: Store<SchedulerDb>): Plan {
  return { ...schedulesIn(store), ...jobsIn(store), ...fenceIn(store) };
}

function schedulesIn({
  db,
}: Store<SchedulerDb>): Pick<Plan, 'putSchedule' | 'deleteSchedule' | 'schedules' | 'moveOn'> {
  return {
    async putSchedule({ scheduleId, everyMs, workMs, nextAt, count }) {
      const kept = { every_ms: everyMs, work_ms: workMs, next_at: nextAt, deleted: 0 };
      await db
        .insertInto('schedules')
        .values({ schedule_id: scheduleId, count, ...kept })
        .onConflict((conflict) => conflict.column('schedule_id').doUpdateSet(kept))
        .execute();
    },
    async deleteSchedule(scheduleId) {
      await db
        .updateTable('schedules')
        .set({ deleted: 1 })
        .where('schedule_id', '=', scheduleId)
        .execute();
    },
    async schedules(tx) {
      const rows = await tx
        .selectFrom('schedules')
        .selectAll()
        .where('deleted', '=', 0)
        .orderBy('schedule_id')
        .execute();
      return rows.map(({ schedule_id, every_ms, work_ms, next_at, count }) => {
        const times = { everyMs: every_ms, workMs: work_ms, nextAt: next_at };
        return { scheduleId: schedule_id, ...times, count };
      });
    },
    async moveOn(tx, { scheduleId, nextAt: before }, { nextAt, count }) {
      const { numUpdatedRows } = await tx
        .updateTable('schedules')
        .set({ next_at: nextAt, count })
        .where('schedule_id', '=', scheduleId)
        .where('next_at', '=', before)
        .where('deleted', '=', 0)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },
  };
}

function jobsIn({ db }: Store<SchedulerDb>): Pick<Plan, 'hasJob' | 'addJob' | 'jobDone' | 'jobs'> {
  return {
    async hasJob(tx, jobId) {
      const found = tx.selectFrom('jobs').select('job_id').where('job_id', '=', jobId);
      return (await found.executeTakeFirst()) !== undefined;
    },
    async addJob(tx, job) {
      const { numInsertedOrUpdatedRows: added } = await tx
        .insertInto('jobs')
        .values({ ...job, done_by: '' })
        .onConflict((conflict) => conflict.column('job_id').doNothing())
        .executeTakeFirstOrThrow();
      return added === 1n;
    },
    async jobDone(tx, jobId, worker) {
      await tx
        .updateTable('jobs')
        .set({ done_by: worker })
        .where('job_id', '=', jobId)
        .where('done_by', '=', '')
        .execute();
    },
    jobs: (prefix) =>
      db
        .selectFrom('jobs')
        .selectAll()
        // Not LIKE, to which "_" is any letter, and on SQLite "A" the same as "a".
        .where((row) =>
          row(row.fn('substr', ['job_id', row.val(1), row.val(prefix.length)]), '=', prefix),
        )
        .orderBy('sent_at')
        .orderBy('job_id')
        .execute(),
  };
}

function fenceIn({ db }: Store<SchedulerDb>): Pick<Plan, 'takeFence' | 'holdsFence' | 'lastTerm'> {
  return {
    takeFence: (holder) =>
      db
        .updateTable('fence')
        .set((row) => ({ term: row('term', '+', 1), holder }))
        .returning(['term', 'holder'])
        .executeTakeFirstOrThrow(),
    async holdsFence(tx, { term }) {
      // A write that changes nothing: it takes the row's lock, which a read would not.
      const { numUpdatedRows } = await tx
        .updateTable('fence')
        .set({ term })
        .where('term', '=', term)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },
    lastTerm: () => db.selectFrom('fence').select(['term', 'holder']).executeTakeFirstOrThrow(),
  };
}
