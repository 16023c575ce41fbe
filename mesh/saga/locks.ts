import { sql, type Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { sagaTables } from './tables.ts';

/** What a saga that wants a target is told. */
export type Taking =
  | { readonly kind: 'held' }
  /** Another saga holds this one; oneself stands in line. */
  | { readonly kind: 'waits'; readonly target: string }
  /** The one who holds it waits, in the end, for oneself: somebody has to go back. */
  | { readonly kind: 'deadlock'; readonly target: string };

interface Wanted<DB> {
  readonly dialect: Store<DB>['dialect'];
  readonly sagaId: string;
  readonly targets: readonly string[];
  readonly nowMs: number;
}

// Any number that nobody else uses for advisory locks: "saga" in ASCII.
const lineLock = 0x73616761;
// A line of waiting sagas that is longer than this is cut by its timeouts.
const longestChain = 32;

/**
 * Takes all targets, in the order of their names so that two sagas that want the same ones never hold one
 * each; stands in line for the first that another saga holds. What was taken before it stays taken.
 */
export async function takeLocks<DB>(tx: Transaction<DB>, wanted: Wanted<DB>): Promise<Taking> {
  const { sagaId } = wanted;
  for (const target of [...new Set(wanted.targets)].sort()) {
    const holder = await takeOne(tx, target, wanted);
    if (holder === sagaId) continue;
    // One at a time: two that begin to wait for each other at the same moment would not see each other.
    if (wanted.dialect === 'postgres') {
      await sql`select pg_advisory_xact_lock(${lineLock})`.execute(tx);
    }
    if (await waitsFor(tx, holder, sagaId)) return { kind: 'deadlock', target };
    await sagaTables(tx)
      .insertInto('weft_saga_stash')
      .values({ target, saga_id: sagaId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return { kind: 'waits', target };
  }
  await leaveLine(tx, sagaId);
  return { kind: 'held' };
}

/** Out of the line, when it does not want to wait any more. */
export async function leaveLine<DB>(tx: Transaction<DB>, sagaId: string): Promise<void> {
  await sagaTables(tx).deleteFrom('weft_saga_stash').where('saga_id', '=', sagaId).execute();
}

/**
 * Gives back all that a saga holds; each target goes to the first in its line, and that saga is due at once.
 * True when somebody was waiting.
 */
export async function releaseLocks<DB>(
  tx: Transaction<DB>,
  sagaId: string,
  nowMs: number,
): Promise<boolean> {
  const db = sagaTables(tx);
  // Somebody whom a person has let pass may still stand in a line.
  await leaveLine(tx, sagaId);
  const held = await db
    .deleteFrom('weft_saga_lock')
    .where('saga_id', '=', sagaId)
    .returning('target')
    .execute();
  let woken = false;
  for (const { target } of held) {
    const first = await db
      .selectFrom('weft_saga_stash')
      .select(['id', 'saga_id'])
      .where('target', '=', target)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    if (first === undefined) continue;
    await db.deleteFrom('weft_saga_stash').where('id', '=', first.id).execute();
    const lock = { target, saga_id: first.saga_id, taken_at: nowMs };
    await db.insertInto('weft_saga_lock').values(lock).execute();
    await db
      .updateTable('weft_saga')
      .set((row) => ({
        waits_for: null,
        due_at: nowMs,
        claimed_by: null,
        revision: row('revision', '+', 1),
      }))
      .where('id', '=', first.saga_id)
      .execute();
    woken = true;
  }
  return woken;
}

/** Who holds a target: the id of a saga. */
export async function holderOf<DB>(
  tx: Transaction<DB>,
  target: string,
): Promise<string | undefined> {
  const lock = await sagaTables(tx)
    .selectFrom('weft_saga_lock')
    .select('saga_id')
    .where('target', '=', target)
    .executeTakeFirst();
  return lock?.saga_id;
}

/** Takes a target unless it is held; gives who holds it now. */
async function takeOne<DB>(
  tx: Transaction<DB>,
  target: string,
  { dialect, sagaId, nowMs }: Wanted<DB>,
): Promise<string> {
  const db = sagaTables(tx);
  for (;;) {
    const taken = await db
      .insertInto('weft_saga_lock')
      .values({ target, saga_id: sagaId, taken_at: nowMs })
      .onConflict((conflict) => conflict.doNothing())
      .returning('saga_id')
      .executeTakeFirst();
    if (taken !== undefined) return sagaId;
    // Held until our commit, so that its holder, who may be letting go at this moment, either sees us in the
    // line or is gone before we join it.
    const held = await db
      .selectFrom('weft_saga_lock')
      .select('saga_id')
      .where('target', '=', target)
      .$if(dialect === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst();
    if (held !== undefined) return held.saga_id;
  }
}

/** Whether `holder` waits for what `sagaId` holds, over however many others. */
async function waitsFor<DB>(tx: Transaction<DB>, holder: string, sagaId: string): Promise<boolean> {
  let at: string | undefined = holder;
  for (let hop = 0; at !== undefined && hop < longestChain; hop++) {
    const stash: { target: string } | undefined = await sagaTables(tx)
      .selectFrom('weft_saga_stash')
      .select('target')
      .where('saga_id', '=', at)
      .executeTakeFirst();
    if (stash === undefined) return false;
    at = await holderOf(tx, stash.target);
    if (at === sagaId) return true;
  }
  return false;
}
