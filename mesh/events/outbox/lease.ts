import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { prepare } from '../../store/prepared.ts';
import { type Kysely, type RawBuilder, sql } from '../../store/sql.ts';
import type { Dialect, Store } from '../../store/store.ts';
import { type EventTables, eventTables } from '../tables.ts';

/**
 * The right to do what only one process at a time may do. It ends by itself when it is not renewed, so a
 * holder that dies is followed by another. A holder that only slept (SIGSTOP, a long pause) finds out by
 * its token: every takeover counts it up, and `renew` inside the transaction of a write refuses the old one.
 */
export interface Lease {
  /** Grows with every takeover. */
  readonly token: number;
  /** Prolongs; throws ABORTED/LEASE_LOST when another process took over: roll the transaction back. */
  renew(tx: Kysely<EventTables>): Promise<void>;
  /** Throws as `renew` does, and changes nothing: for transactions that come too often to prolong in each. */
  check(tx: Kysely<EventTables>): Promise<void>;
  /** Lets go, so that the next one need not wait. Does nothing when it is lost already. */
  release(): Promise<void>;
}

export interface Leases {
  /** The lease, or undefined while another process holds it. */
  take(name: string): Promise<Lease | undefined>;
}

export interface LeaseOptions<DB> {
  readonly store: Store<DB>;
  /** Unique among all processes. */
  readonly holder: string;
  /** How long a lease lasts without renewal, in ms. */
  readonly durationMs: number;
  readonly log: Log;
}

export function createLeases<DB>(options: LeaseOptions<DB>): Leases {
  const { store, holder, durationMs } = options;
  const db = eventTables(store.db);
  const now = databaseTime(store.dialect);
  const expiry = sql<number>`${now} + ${durationMs}`;
  // Free is also what is ours already: the answer to an earlier take was lost.
  const free = sql<number>`case when weft_lease.holder = ${holder} or ${isOver(durationMs, now)} then 1 else 0 end`;
  return {
    async take(name) {
      // Looking first costs no write: those who wait ask every second.
      const held = await db
        .selectFrom('weft_lease')
        .select(free.as('free'))
        .where('name', '=', name)
        .executeTakeFirst();
      if (held?.free === 0) return undefined;
      const taken = await store.transaction((tx) =>
        eventTables(tx)
          .insertInto('weft_lease')
          .values({ name, holder, token: 1, expires_at: expiry })
          .onConflict((conflict) =>
            conflict
              .column('name')
              .doUpdateSet((row) => ({
                holder,
                token: row('weft_lease.token', '+', 1),
                expires_at: expiry,
              }))
              .where(free, '=', 1),
          )
          .returning('token')
          .executeTakeFirst(),
      );
      return taken && lease(name, taken.token, options);
    },
  };
}

function lease<DB>(name: string, token: number, options: LeaseOptions<DB>): Lease {
  const { store, holder, durationMs, log } = options;
  const now = databaseTime(store.dialect);
  const held = prepare(
    eventTables(store.db),
    (db, it: { name: string; holder: string; token: number }) => {
      const mine = db
        .selectFrom('weft_lease')
        .select('token')
        .where('name', '=', it.name)
        .where('holder', '=', it.holder)
        .where('token', '=', it.token);
      // A takeover waits until this transaction has ended. SQLite has one writer, and that is this one.
      return store.dialect === 'postgres' ? mine.forShare() : mine;
    },
  );
  const prolong = async (db: Kysely<EventTables>, durationOrZero: number): Promise<boolean> => {
    const { numUpdatedRows } = await db
      .updateTable('weft_lease')
      .set({ expires_at: sql<number>`${now} + ${durationOrZero}` })
      .where('name', '=', name)
      .where('holder', '=', holder)
      .where('token', '=', token)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  };
  return {
    token,
    async renew(tx) {
      if (!(await prolong(tx, durationMs))) throw lost(name);
    },
    async check(tx) {
      const { rows } = await held(tx, { name, holder, token });
      if (rows.length === 0) throw lost(name);
    },
    async release() {
      try {
        await prolong(eventTables(store.db), 0);
      } catch (err) {
        log.debug('a lease could not be given back; it runs out by itself', { name, err });
      }
    },
  };
}

function lost(name: string): MeshError {
  return new MeshError(`another process has taken over "${name}"`, {
    status: 'ABORTED',
    reason: 'LEASE_LOST',
  });
}

/**
 * Whether the row's time is over. Times are the database's, so that processes need not agree on one. A lease
 * that claims to last longer than any lease can was written before that clock was set back.
 */
function isOver(durationMs: number, now: ReturnType<typeof databaseTime>) {
  return sql`(weft_lease.expires_at <= ${now} or weft_lease.expires_at > ${now} + ${2 * durationMs})`;
}

/** The time of the database, in ms: what processes on several hosts agree on. */
export function databaseTime(dialect: Dialect): RawBuilder<number> {
  return dialect === 'sqlite'
    ? sql<number>`cast(unixepoch('subsec') * 1000 as integer)`
    : sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;
}
