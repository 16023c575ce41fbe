/**
 * Picks in SQL. A pick is given out by one statement that finds free rows and marks them, so that terminals
 * on several instances share the work without knowing each other. An assignment whose lease ran out counts as
 * free wherever it is read: nobody has to sweep up after an instance that died.
 */
import {
  type Migration,
  type Origin,
  originOf,
  originText,
  type Prepared,
  prepare,
  type Store,
  type Transaction,
} from '#mesh';
import {
  type AssignedPick,
  type Confirmation,
  confirmation,
  type NewPick,
  type Pick,
  type PickLine,
  standing,
} from './pick.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER, and both know partial indexes. */
export const warehouseMigrations: readonly Migration[] = [
  {
    name: '001-picks',
    up: `
      create table picks (
        order_id text primary key,
        customer_id text not null,
        lines text not null,
        status text not null,
        terminal_id text,
        session_id text,
        lease_until bigint,
        created_at bigint not null,
        shipped_at bigint,
        trace_id text,
        span_id text
      );
      create index picks_to_give on picks (created_at) where status <> 'shipped';
      create index picks_of_session on picks (session_id) where session_id is not null;
    `,
  },
  {
    name: '002-origin',
    up: `
      alter table picks add column origin text;
      update picks set origin = '00-' || trace_id || '-' || span_id || '-01'
        where trace_id is not null and span_id is not null;
      alter table picks drop column trace_id;
      alter table picks drop column span_id;
    `,
  },
];

interface PickRow {
  order_id: string;
  customer_id: string;
  /** JSON: PickLine[]. */
  lines: string;
  status: Pick['status'];
  /** Who holds it, or held it last. */
  terminal_id: string | null;
  /** The stream through which it is held; null unless assigned. */
  session_id: string | null;
  /** Wall ms; null unless assigned. */
  lease_until: number | null;
  /** Wall ms. */
  created_at: number;
  shipped_at: number | null;
  /** Of the handling of the order's confirmation: what the terminal does later belongs to the order, not to its shift. */
  origin: string | null;
}

/** What is known of a pick that nobody has held. */
type NewRow = Omit<PickRow, 'status' | 'terminal_id' | 'session_id' | 'lease_until' | 'shipped_at'>;

/** The tables of this service, as Kysely sees them. */
export interface WarehouseDb {
  picks: PickRow;
}

/** One stream of one terminal. */
export interface Session {
  /** Unique for each stream, so that a terminal that comes back does not keep its old stream's picks alive. */
  readonly sessionId: string;
  readonly terminalId: string;
}

/** What a terminal's word came to. */
export interface Judged {
  readonly confirmation: Confirmation;
  /** The pick that was judged. */
  readonly pick: Pick | undefined;
  /** Trace and baggage of its order. */
  readonly origin: Origin;
}

/** The picks as this service keeps them. Every write is safe beside other instances on the same database. */
export interface PickStore {
  /** Writes the pick, with the trace and the baggage that it belongs to, unless the order has one. */
  add(tx: Transaction<WarehouseDb>, pick: NewPick, origin?: Origin): Promise<void>;
  /** The pick as it is written; see `standing` for what it counts as. */
  find(orderId: string): Promise<Pick | undefined>;
  /** Gives up to `limit` picks to a session, oldest first; no other session gets them before `untilMs`. */
  claim(
    session: Session,
    claim: { readonly nowMs: number; readonly untilMs: number; readonly limit: number },
  ): Promise<readonly AssignedPick[]>;
  /** Prolongs what a session holds; returns the orders that it still holds. */
  renew(session: Session, untilMs: number): Promise<readonly string[]>;
  /** Opens what a session holds. */
  giveBack(session: Session): Promise<void>;
  /** Ships a pick on a terminal's word, if the word is good; returns the pick that was judged. */
  confirm(
    tx: Transaction<WarehouseDb>,
    word: { readonly orderId: string; readonly terminalId: string; readonly nowMs: number },
  ): Promise<Judged>;
}

export function createPickStore(store: Store<WarehouseDb>): PickStore {
  const { dialect } = store;
  const insert = prepareInsert(store);
  return {
    async add(tx, pick, origin = {}) {
      await insert(tx, newRow(pick, origin));
    },

    async find(orderId) {
      const row = await store.db
        .selectFrom('picks')
        .selectAll()
        .where('order_id', '=', orderId)
        .executeTakeFirst();
      return row && pickOf(row);
    },

    claim: (session, claim) =>
      store.transaction((tx) => claimPicks(tx, dialect, { session, ...claim })),

    renew: ({ sessionId }, untilMs) =>
      store.transaction(async (tx) => {
        const rows = await tx
          .updateTable('picks')
          .set({ lease_until: untilMs })
          .where('session_id', '=', sessionId)
          .returning('order_id')
          .execute();
        return rows.map((row) => row.order_id);
      }),

    async giveBack({ sessionId }) {
      await store.transaction((tx) =>
        tx
          .updateTable('picks')
          .set({ status: 'open', session_id: null, lease_until: null })
          .where('session_id', '=', sessionId)
          .execute(),
      );
    },

    async confirm(tx, { orderId, terminalId, nowMs }) {
      const row = await tx
        .selectFrom('picks')
        .selectAll()
        .where('order_id', '=', orderId)
        .$if(dialect === 'postgres', (query) => query.forUpdate())
        .executeTakeFirst();
      const pick = row && standing(pickOf(row), nowMs);
      // Judged inside the transaction: between look and write no other terminal can be given it.
      const judged = confirmation(pick, terminalId);
      if (judged.kind === 'ship') {
        await tx
          .updateTable('picks')
          .set({ status: 'shipped', shipped_at: nowMs, session_id: null, lease_until: null })
          .where('order_id', '=', orderId)
          .execute();
      }
      return { confirmation: judged, pick, origin: originOf(row?.origin ?? null) };
    },
  };
}

/** What runs for every order. */
function prepareInsert(store: Store<WarehouseDb>): Prepared<WarehouseDb, NewRow, unknown> {
  return prepare(store.db, (db, it: NewRow) =>
    db
      .insertInto('picks')
      .values({
        order_id: it.order_id,
        customer_id: it.customer_id,
        lines: it.lines,
        status: 'open',
        created_at: it.created_at,
        origin: it.origin,
      })
      .onConflict((conflict) => conflict.column('order_id').doNothing()),
  );
}

async function claimPicks(
  tx: Transaction<WarehouseDb>,
  dialect: Store<WarehouseDb>['dialect'],
  claim: { session: Session; nowMs: number; untilMs: number; limit: number },
): Promise<readonly AssignedPick[]> {
  const free = tx
    .selectFrom('picks')
    .select('order_id')
    .where((row) =>
      row.or([
        row('status', '=', 'open'),
        row.and([row('status', '=', 'assigned'), row('lease_until', '<=', claim.nowMs)]),
      ]),
    )
    .orderBy('created_at')
    .limit(claim.limit)
    // SQLite has one writer at a time and no such words; in PostgreSQL two terminals take different rows.
    .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked());
  const rows = await tx
    .updateTable('picks')
    .set({
      status: 'assigned',
      terminal_id: claim.session.terminalId,
      session_id: claim.session.sessionId,
      lease_until: claim.untilMs,
    })
    .where('order_id', 'in', free)
    .returningAll()
    .execute();
  // RETURNING promises no order.
  return rows
    .map(pickOf)
    .filter((pick) => pick.status === 'assigned')
    .sort((a, b) => a.createdAtMs - b.createdAtMs);
}

function newRow(pick: NewPick, origin: Origin): NewRow {
  return {
    order_id: pick.orderId,
    customer_id: pick.customerId,
    lines: JSON.stringify(pick.lines),
    created_at: pick.createdAtMs,
    origin: originText(origin),
  };
}

function pickOf(row: PickRow): Pick {
  const pick = {
    orderId: row.order_id,
    customerId: row.customer_id,
    lines: JSON.parse(row.lines) as PickLine[],
    createdAtMs: row.created_at,
  };
  const terminalId = row.terminal_id ?? '';
  switch (row.status) {
    case 'open':
      return { ...pick, status: 'open', lastTerminalId: row.terminal_id ?? undefined };
    case 'assigned':
      return { ...pick, status: 'assigned', terminalId, leaseUntilMs: row.lease_until ?? 0 };
    case 'shipped':
      return { ...pick, status: 'shipped', terminalId, shippedAtMs: row.shipped_at ?? 0 };
  }
}
