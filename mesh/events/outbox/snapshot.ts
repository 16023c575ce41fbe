import { type Kysely, sql } from '../../store/sql.ts';

/** Which transactions of PostgreSQL a look sees. Source: postgresql.org/docs, "pg_snapshot components". */
export interface Snapshot {
  /** All below it are over. */
  readonly xmin: bigint;
  /** None from here on was begun. */
  readonly xmax: bigint;
  /** Those in between that still run. */
  readonly running: ReadonlySet<bigint>;
}

/** What a look sees that begins now. */
export async function readSnapshot<DB>(db: Kysely<DB>): Promise<Snapshot> {
  const { rows } = await sql<{ now: string }>`select pg_current_snapshot()::text as now`.execute(
    db,
  );
  return parseSnapshot(rows[0]?.now ?? '');
}

/** Reads "xmin:xmax:running,…". */
export function parseSnapshot(text: string): Snapshot {
  const [xmin = '0', xmax = '0', running = ''] = text.split(':');
  const numbers = running === '' ? [] : running.split(',');
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(numbers.map(BigInt)) };
}

/** Whether a transaction that has committed is among those which the look sees. */
export function sees(snapshot: Snapshot, xid: number): boolean {
  const full = widen(xid, snapshot.xmax);
  return full < snapshot.xmax && (full < snapshot.xmin || !snapshot.running.has(full));
}

const turn = 1n << 32n;

/** The log tells the lower 32 bits of a number; the whole one is the nearest to `near`. */
function widen(xid: number, near: bigint): bigint {
  const candidate = near - (near % turn) + BigInt(xid);
  if (candidate > near + turn / 2n) return candidate - turn;
  return candidate < near - turn / 2n ? candidate + turn : candidate;
}
