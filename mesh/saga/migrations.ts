import type { Migration } from '../store/store.ts';

/** The tables of sagas; put them before the service's own: `[...sagaMigrations, ...own]`. */
export const sagaMigrations: readonly Migration[] = [
  {
    name: 'weft-saga-001',
    up: {
      sqlite: tables('integer primary key autoincrement'),
      postgres: tables('bigserial primary key'),
    },
  },
  {
    name: 'weft-saga-002-context',
    up: `
      alter table weft_saga add column tracestate text;
      alter table weft_saga add column baggage text;
      alter table weft_saga add column trace_flags integer;
    `,
  },
];

function tables(id: string): string {
  return `
    create table weft_saga (
      id text primary key,
      name text not null,
      version integer not null,
      status text not null,
      step text not null,
      data text not null,
      history text not null,
      failure text,
      attempts integer not null,
      faults integer not null,
      last_error text,
      waits_for text,
      due_at bigint not null,
      claimed_by text,
      revision bigint not null,
      deadline_at bigint,
      created_at bigint not null,
      updated_at bigint not null,
      trace_id text,
      span_id text
    );
    create index weft_saga_due on weft_saga (due_at) where status in ('running', 'compensating');
    create index weft_saga_stuck on weft_saga (updated_at) where status = 'stuck';
    create index weft_saga_ended on weft_saga (updated_at) where status in ('done', 'compensated');
    create table weft_saga_lock (
      target text primary key,
      saga_id text not null,
      taken_at bigint not null
    );
    create index weft_saga_lock_saga on weft_saga_lock (saga_id);
    create table weft_saga_stash (
      id ${id},
      target text not null,
      saga_id text not null unique
    );
    create index weft_saga_stash_target on weft_saga_stash (target, id);
  `;
}
