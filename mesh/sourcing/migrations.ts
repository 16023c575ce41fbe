import type { Migration } from '../store/store.ts';

/** The tables of event-sourced aggregates; put them before the service's own: `[...sourcingMigrations, ...own]`. */
export const sourcingMigrations: readonly Migration[] = [
  {
    name: 'weft-sourcing-001',
    up: {
      sqlite: tables('integer primary key autoincrement', 'blob'),
      postgres: tables('bigserial primary key', 'bytea'),
    },
  },
];

function tables(position: string, bytes: string): string {
  return `
    create table weft_event_log (
      position ${position},
      stream text not null,
      version integer not null,
      type text not null,
      data ${bytes} not null,
      meta text not null,
      recorded_at bigint not null,
      unique (stream, version)
    );
    create table weft_snapshot (
      stream text primary key,
      version integer not null,
      schema_version integer not null,
      state text not null
    );
    create table weft_projection (
      name text primary key,
      version integer not null,
      position bigint not null
    );
  `;
}
