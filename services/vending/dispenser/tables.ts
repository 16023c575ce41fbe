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
  {
    name: '002-machines',
    up: `
      create table machines (machine_id text primary key, jammed integer not null);
      insert into machines (machine_id, jammed) select machine_id, 1 from jams;
      drop table jams;
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
  /** `jammed` is 0 or 1. Whoever moves cans of a machine holds its row until the commit. */
  machines: { machine_id: string; jammed: number };
}
