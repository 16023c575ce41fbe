import { formatBaggage, parseBaggage } from '../kernel/baggage.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TraceContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import { prepare } from '../store/prepared.ts';
import { type Kysely, sql, type Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import type { Saga } from './definition.ts';
import type { HistoryEntry, SagaState } from './state.ts';
import type { SagaFailure } from './step.ts';
import { type SagaTable, type SagaTables, sagaTables } from './tables.ts';

/** A saga as a row: `claimedBy` and `dueMs` say who works on it, and until when others leave it alone. */
export function rowOf<DB>(saga: Saga<DB>, state: SagaState, nowMs: number): SagaTable {
  return {
    id: state.id,
    name: state.name,
    version: saga.version,
    status: state.status,
    step: state.step,
    data: saga.data.write(state.data),
    history: JSON.stringify(state.history),
    failure: state.failure === undefined ? null : JSON.stringify(state.failure),
    attempts: state.attempts,
    faults: state.faults,
    last_error: state.lastError ?? null,
    waits_for: state.waitsFor ?? null,
    due_at: state.dueMs,
    claimed_by: state.claimedBy ?? null,
    revision: state.revision,
    deadline_at: state.deadlineMs ?? null,
    created_at: state.createdMs,
    updated_at: nowMs,
    ...originOf(state),
  };
}

type Origin = 'trace_id' | 'span_id' | 'tracestate' | 'trace_flags' | 'baggage';

/** What it was started in. */
function originOf({ trace, baggage }: SagaState): Pick<SagaTable, Origin> {
  return {
    trace_id: trace?.traceId ?? null,
    span_id: trace?.spanId ?? null,
    tracestate: trace?.state ?? null,
    trace_flags: trace?.flags ?? null,
    baggage: (baggage && formatBaggage(baggage)) ?? null,
  };
}

/**
 * Reads a row. Throws when its data are none of this definition's, FAILED_PRECONDITION/SAGA_NEWER when a newer
 * version wrote it: what is written back would call new data old, and have them migrated a second time.
 */
export function stateOf<DB>(saga: Saga<DB>, row: SagaTable): SagaState {
  if (row.version > saga.version) throw newer(saga, row);
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    step: row.step,
    data: dataOf(saga, row),
    ...pastOf(row),
    attempts: row.attempts,
    faults: row.faults,
    lastError: row.last_error ?? undefined,
    waitsFor: row.waits_for ?? undefined,
    dueMs: row.due_at,
    claimedBy: row.claimed_by ?? undefined,
    revision: row.revision,
    deadlineMs: row.deadline_at ?? undefined,
    createdMs: row.created_at,
    trace: traceOf(row),
    baggage: row.baggage === null ? undefined : parseBaggage(row.baggage),
  };
}

function traceOf(row: SagaTable): TraceContext | undefined {
  const { trace_id: traceId, span_id: spanId, tracestate: state, trace_flags: flags } = row;
  if (traceId === null || spanId === null) return undefined;
  return {
    ...{ traceId, spanId },
    ...(state !== null && { state }),
    ...(flags !== null && { flags }),
  };
}

/** What a row tells of its way, which needs no definition. */
export function pastOf(row: Pick<SagaTable, 'history' | 'failure'>): {
  readonly history: readonly HistoryEntry[];
  readonly failure: SagaFailure | undefined;
} {
  return {
    // What `rowOf` wrote.
    history: JSON.parse(row.history) as HistoryEntry[],
    failure: row.failure === null ? undefined : (JSON.parse(row.failure) as SagaFailure),
  };
}

function newer<DB>(saga: Saga<DB>, { id, name, version }: SagaTable): MeshError {
  return new MeshError(
    `saga ${id} is of version ${String(version)} of "${name}", and this process knows ${String(saga.version)}: it is left to the instances that know it; update the others`,
    { status: 'FAILED_PRECONDITION', reason: 'SAGA_NEWER' },
  );
}

function dataOf<DB>(saga: Saga<DB>, { data, version }: SagaTable): unknown {
  const stored = saga.data.read(data);
  const old = version < saga.version && saga.migrate !== undefined;
  return saga.data.check(old ? saga.migrate?.(stored, version) : stored);
}

/** The rows of sagas, by statements that are built once: they run for every step of every saga. */
export interface Records<DB> {
  /** Writes a new saga; false when there is one with its id. */
  insert(tx: Transaction<DB>, row: SagaTable): Promise<boolean>;
  /**
   * Writes a saga over the revision that it was read with. Throws ABORTED/SAGA_LOST when somebody else has
   * written since: whatever stands in the same transaction is then rolled back with it.
   */
  save(tx: Transaction<DB>, saga: Saga<DB>, state: SagaState): Promise<SagaState>;
}

export function createRecords<DB>(store: Store<DB>, clock: Clock): Records<DB> {
  const db = sagaTables(store.db);
  const insert = prepare(db, (into, row: SagaTable) =>
    into
      .insertInto('weft_saga')
      .values(columnsOf(row))
      .onConflict((conflict) => conflict.doNothing()),
  );
  const update = prepare(db, (of, row: SagaTable & { readonly known: number }) =>
    of
      .updateTable('weft_saga')
      .set(columnsOf(row))
      .where('id', '=', row.id)
      .where('revision', '=', row.known),
  );
  return {
    insert: async (tx, row) => (await insert(sagaTables(tx), row)).touched === 1,
    async save(tx, saga, state) {
      const next = { ...state, revision: state.revision + 1 };
      const row = { ...rowOf(saga, next, clock.now()), known: state.revision };
      const { touched } = await update(sagaTables(tx), row);
      if (touched === 1) return next;
      throw new MeshError(`somebody else goes on with saga ${state.id}`, {
        status: 'ABORTED',
        reason: 'SAGA_LOST',
      });
    },
  };
}

/** Every column by its name: a statement that is prepared cannot be asked for its keys. */
function columnsOf(row: SagaTable): SagaTable {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    status: row.status,
    step: row.step,
    data: row.data,
    history: row.history,
    failure: row.failure,
    attempts: row.attempts,
    faults: row.faults,
    last_error: row.last_error,
    waits_for: row.waits_for,
    due_at: row.due_at,
    claimed_by: row.claimed_by,
    revision: row.revision,
    deadline_at: row.deadline_at,
    created_at: row.created_at,
    updated_at: row.updated_at,
    trace_id: row.trace_id,
    span_id: row.span_id,
    tracestate: row.tracestate,
    baggage: row.baggage,
    trace_flags: row.trace_flags,
  };
}

/** The row of one saga; in a transaction of PostgreSQL it is held until the commit. */
export function readRow<DB>(
  db: Kysely<DB>,
  id: string,
  lock = false,
): Promise<SagaTable | undefined> {
  return sagaTables(db)
    .selectFrom('weft_saga')
    .selectAll()
    .where('id', '=', id)
    .$if(lock, (query) => query.forUpdate())
    .executeTakeFirst();
}

export interface Claim<DB> {
  readonly store: Store<DB>;
  /** Those that this process can run. */
  readonly sagas: readonly Saga<DB>[];
  readonly holder: string;
  /** How long others leave them alone, in ms. */
  readonly leaseMs: number;
  readonly limit: number;
  readonly clock: Clock;
}

/**
 * Takes sagas that are due, the longest first: those that nobody works on, and those whose worker has not
 * been heard of for too long. Sagas that a newer version wrote are left to the instances that know it.
 */
export async function claimDue<DB>(claim: Claim<DB>): Promise<readonly SagaTable[]> {
  const { store, holder, leaseMs, clock } = claim;
  // Looking first costs no write, and most looks find nothing.
  const due = await dueIds(sagaTables(store.db), claim).execute();
  if (due.length === 0) return [];
  return store.transaction((tx) => {
    const db = sagaTables(tx);
    const ids = dueIds(db, claim)
      // SQLite has one writer at a time and no such words; in PostgreSQL two instances take different rows.
      .$if(store.dialect === 'postgres', (query) => query.forUpdate().skipLocked());
    return db
      .updateTable('weft_saga')
      .set((row) => ({
        claimed_by: holder,
        due_at: clock.now() + leaseMs,
        revision: row('revision', '+', 1),
        // The end of a wait is no try.
        attempts: sql<number>`case when waits_for is null then attempts + 1 else attempts end`,
      }))
      .where('id', 'in', ids)
      .returningAll()
      .execute();
  });
}

function dueIds<DB>(db: Kysely<SagaTables>, { sagas, clock, limit }: Claim<DB>) {
  return db
    .selectFrom('weft_saga')
    .select('id')
    .where('status', 'in', ['running', 'compensating'])
    .where('due_at', '<=', clock.now())
    .where((row) =>
      row.or(
        sagas.map(({ name, version }) =>
          row.and([row('name', '=', name), row('version', '<=', version)]),
        ),
      ),
    )
    .orderBy('due_at')
    .limit(limit);
}

/** How many ended sagas are deleted together: a transaction over a million would hold up every writer. */
const bite = 1_000;

/** Deletes what ended before `beforeMs`, one bite; true when there may be more. */
export async function forgetEnded<DB>(store: Store<DB>, beforeMs: number): Promise<boolean> {
  const ended = (db: Kysely<DB>) =>
    sagaTables(db)
      .selectFrom('weft_saga')
      .select('id')
      .where('status', 'in', ['done', 'compensated'])
      .where('updated_at', '<', beforeMs)
      .limit(bite);
  if ((await ended(store.db).limit(1).execute()).length === 0) return false;
  return store.transaction(async (tx) => {
    const { numDeletedRows } = await sagaTables(tx)
      .deleteFrom('weft_saga')
      .where('id', 'in', ended(tx))
      .executeTakeFirstOrThrow();
    return numDeletedRows === BigInt(bite);
  });
}
