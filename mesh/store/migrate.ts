import { createHash } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import type { Dialect, Store } from './port.ts';

/** One step from an empty database to the present one. */
export interface Migration {
  /** Unique among the service's migrations, as "001-orders". */
  readonly name: string;
  /** SQL, several statements if need be; by dialect where the two differ. */
  readonly up: string | Readonly<Record<Dialect, string>>;
}

export interface MigrationTables {
  weft_migrations: {
    name: string;
    checksum: string;
    applied_at: number;
  };
}

/** A store before its migrations ran. */
export interface OpenedStore<DB> {
  readonly store: Store<DB>;
  /** One transaction in which no other process migrates; `script` runs SQL of several statements. */
  migrate<T>(
    work: (tx: Transaction<MigrationTables>, script: (sql: string) => Promise<void>) => Promise<T>,
  ): Promise<T>;
}

/**
 * Runs what has not run yet, in the order of the list, all in one transaction: a failure leaves the
 * database as it was. Several processes may do so at once; one of them works, the others find it done.
 *
 * A migration that ran and reads differently now is refused (FAILED_PRECONDITION/MIGRATION_CHANGED):
 * databases in the field hold the old text. One that ran and is not in the list is left alone: a newer
 * version of the service shares this database, as during a rolling update.
 */
export async function migrate<DB>(
  opened: OpenedStore<DB>,
  migrations: readonly Migration[],
  { clock, log }: { clock: Clock; log: Log },
): Promise<void> {
  refuseDuplicates(migrations);
  const applied = await opened.migrate(async (tx, script) => {
    await script(
      'create table if not exists weft_migrations (name text primary key, checksum text not null, applied_at bigint not null)',
    );
    const rows = await tx.selectFrom('weft_migrations').select(['name', 'checksum']).execute();
    const known = new Map(rows.map((row) => [row.name, row.checksum]));
    const names: string[] = [];
    for (const { name, up } of migrations) {
      const text = typeof up === 'string' ? up : up[opened.store.dialect];
      const checksum = createHash('sha256').update(text).digest('hex');
      if (known.get(name) === checksum) continue;
      if (known.has(name)) throw changed(name);
      await script(text);
      const row = { name, checksum, applied_at: clock.now() };
      await tx.insertInto('weft_migrations').values(row).execute();
      names.push(name);
    }
    return names;
  });
  if (applied.length > 0) log.info('migrated', { applied });
}

function refuseDuplicates(migrations: readonly Migration[]): void {
  const names = new Set<string>();
  for (const { name } of migrations) {
    if (names.has(name)) {
      throw new MeshError(`two migrations are called ${name}; rename the newer one`, {
        status: 'INVALID_ARGUMENT',
        reason: 'MIGRATION_TWICE',
      });
    }
    names.add(name);
  }
}

function changed(name: string): MeshError {
  return new MeshError(
    `migration ${name} ran here with another text; restore it, and put the change into a new migration`,
    { status: 'FAILED_PRECONDITION', reason: 'MIGRATION_CHANGED' },
  );
}
