import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { PostgresServer } from '../../mesh/testing/postgres.ts';
import type { ServiceName, Stage, StageOptions } from '../chaos/stage.ts';

/** Something that is away for a while. */
export interface Scenario {
  readonly name: string;
  /** Whose database is a PostgreSQL server of its own; all others have an SQLite file. */
  readonly onPostgres: readonly ServiceName[];
  /** It is away before anything starts, and comes while everybody waits for it. */
  readonly fromTheStart?: true;
  readonly prepare?: NonNullable<StageOptions['prepare']>;
  /** Takes it away; the returned function brings it back. */
  strike(stage: Stage, postgres: PostgresServer | undefined): Promise<() => Promise<void>>;
}

const killPostgres: Scenario['strike'] = async (_, postgres) => {
  await postgres?.kill();
  return async () => postgres?.restart();
};

/** Another process begins a transaction that writes, and does not end it. */
function lock(...services: readonly ServiceName[]): Scenario['strike'] {
  return async ({ root }) => {
    const held = services.map((service) => {
      const db = new DatabaseSync(join(root, `.run/data/${service}.db`), { timeout: 10_000 });
      db.exec('begin immediate');
      return db;
    });
    return async () => {
      for (const db of held) db.close();
    };
  };
}

const diskBytes = 96 * 1024 * 1024;

/** A disk of its own for the databases, so that it can run full. Needs the right to mount. */
function mountDisk(data: string): () => void {
  const mounted = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${String(diskBytes)}`,
    'tmpfs',
    data,
  ]);
  if (mounted.status !== 0) throw new Error('this user may not mount a tmpfs');
  return () => {
    spawnSync('umount', ['--lazy', data]);
  };
}

const fillDisk: Scenario['strike'] = async ({ root }) => {
  const ballast = join(root, '.run/data/ballast');
  // In ever smaller pieces, until not even a page fits.
  for (let bytes = diskBytes; bytes >= 4096; bytes /= 2) {
    for (let full = false; !full; ) {
      try {
        writeFileSync(ballast, Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        full = true;
      }
    }
  }
  return async () => {
    rmSync(ballast);
  };
};

export const scenarios: readonly Scenario[] = [
  {
    name: 'PostgreSQL of orders, from the start',
    onPostgres: ['orders'],
    fromTheStart: true,
    strike: killPostgres,
  },
  { name: 'PostgreSQL of orders', onPostgres: ['orders'], strike: killPostgres },
  { name: 'PostgreSQL of notifications', onPostgres: ['notifications'], strike: killPostgres },
  { name: 'SQLite of orders, locked', onPostgres: [], strike: lock('orders') },
  { name: 'SQLite of notifications, locked', onPostgres: [], strike: lock('notifications') },
  { name: 'disk of all databases, full', onPostgres: [], prepare: mountDisk, strike: fillDisk },
];
