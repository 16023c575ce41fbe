import type { Migration } from '#mesh';

export const schedulerMigrations: readonly Migration[] = [
  {
    name: '001-scheduler',
    up: `
      create table schedules (
        schedule_id text primary key,
        every_ms integer not null,
        work_ms integer not null,
        next_at bigint not null,
        count integer not null
      );
      create table jobs (
        job_id text primary key,
        sent_at bigint not null,
        sent_by text not null,
        done_by text not null
      );
      create table fence (
        one integer primary key,
        term integer not null,
        holder text not null
      );
      insert into fence (one, term, holder) values (1, 0, '');
    `,
  },
  {
    name: '002-deleted-schedules',
    up: 'alter table schedules add column deleted integer not null default 0',
  },
];

export interface JobRow {
  job_id: string;
  sent_at: number;
  sent_by: string;
  /** Empty until it is done. */
  done_by: string;
}

/** The tables of this service, as Kysely sees them. */
export interface SchedulerDb {
  schedules: {
    schedule_id: string;
    every_ms: number;
    work_ms: number;
    next_at: number;
    count: number;
    /** 1: it sends nothing. Its row stays, for a schedule of this name that is put again must not count from 1. */
    deleted: number;
  };
  jobs: JobRow;
  fence: { one: number; term: number; holder: string };
}
