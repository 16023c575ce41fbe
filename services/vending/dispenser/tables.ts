import type { Migration } from '#mesh';
import type { CanStatus } from './can.ts';

export const dispenserMigrations: readonly Migration[] = [
  {
    name: '001-cans',
    up: `
      create table loads (
        load_id text primary key,
        machine_id text not null,
        item_id text not null,
        cans integer not null
      );
      create index loads_by_machine on loads (machine_id, item_id);
      create table cans (
        sale_id text primary key,
        machine_id text not null,
        item_id text not null,
        status text not null,
        reason text not null
      );
      create index cans_by_machine on cans (machine_id, item_id);
      create table jams (machine_id text primary key);
    `,
  },
];

export interface CanRow {
  sale_id: string;
  machine_id: string;
  item_id: string;
  status: CanStatus;
  reason: string;
}

/** The tables of this service, as Kysely sees them. */
export interface DispenserDb {
  loads: { load_id: string; machine_id: string; item_id: string; cans: number };
  cans: CanRow;
  jams: { machine_id: string };
}
