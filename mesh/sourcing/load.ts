import type { Kysely, Transaction } from '../store/sql.ts';
import { type Aggregate, streamOf } from './aggregate.ts';
import { type Upcast, upcast } from './event.ts';
import { readStream } from './log.ts';
import { sourcingTables } from './tables.ts';

/** What a stream has come to. */
export interface Loaded<S> {
  readonly state: S;
  /** How many events it has; what the next append expects. */
  readonly version: number;
}

const page = 1_000;

/** The state of a stream: its newest usable snapshot, and what has happened since. */
export async function load<DB, S>(
  db: Kysely<DB>,
  aggregate: Aggregate<S>,
  id: string,
  upcasters: ReadonlyMap<string, Upcast>,
): Promise<Loaded<S>> {
  const stream = streamOf(aggregate, id);
  const start = (await snapshotOf(db, aggregate, stream)) ?? {
    ...{ state: aggregate.initial, version: 0 },
  };
  let { state, version } = start;
  for (;;) {
    const events = await readStream(db, stream, version, { limit: page });
    for (const event of events) {
      for (const each of upcast(upcasters, event)) state = aggregate.fold(state, each);
      ({ version } = event);
    }
    if (events.length < page) return { state, version };
  }
}

/** The snapshot of a stream, if there is one that this version can read. */
async function snapshotOf<DB, S>(
  db: Kysely<DB>,
  { snapshot }: Aggregate<S>,
  stream: string,
): Promise<Loaded<S> | undefined> {
  if (snapshot === undefined) return undefined;
  const row = await sourcingTables(db)
    .selectFrom('weft_snapshot')
    .select(['version', 'state'])
    .where('stream', '=', stream)
    .where('schema_version', '=', snapshot.schema)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  try {
    return { state: snapshot.data.check(snapshot.data.read(row.state)), version: row.version };
  } catch {
    // Whatever it is, the events are the truth.
    return undefined;
  }
}

/** Whether a snapshot is due between two versions of a stream. */
export function snapshotDue<S>({ snapshot }: Aggregate<S>, from: number, to: number): boolean {
  if (snapshot === undefined) return false;
  return Math.floor(to / snapshot.every) > Math.floor(from / snapshot.every);
}

/** Writes the snapshot of a stream over the one before. */
export async function takeSnapshot<DB, S>(
  tx: Transaction<DB>,
  { snapshot }: Aggregate<S>,
  stream: string,
  { state, version }: Loaded<S>,
): Promise<void> {
  if (snapshot === undefined) return;
  const row = { version, schema_version: snapshot.schema, state: snapshot.data.write(state) };
  await sourcingTables(tx)
    .insertInto('weft_snapshot')
    .values({ stream, ...row })
    .onConflict((on) => on.column('stream').doUpdateSet(row))
    .execute();
}
