import { type Kysely, sql } from '../../store/sql.ts';
import type { EventTables } from '../tables.ts';

/** What waits in an outbox, in all processes that share it. */
export interface OutboxState {
  /** Messages that are not sent yet, all of the following among them. */
  readonly unsent: number;
  /** Those whose time has not come: delayed by their publisher, refused, or behind a refused one. */
  readonly later: number;
  /** Those that the bus has refused at least once: someone should look. */
  readonly refused: number;
}

/** Counts, over the rows that are not sent alone. */
export async function readState(db: Kysely<EventTables>, now: number): Promise<OutboxState> {
  // Each count stands on an index of its own; "sent_at is null" by itself has none.
  const count = (condition: ReturnType<typeof sql<boolean>>) =>
    db
      .selectFrom('weft_outbox')
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .where(sql<boolean>`sent_at is null`)
      .where(condition)
      .executeTakeFirstOrThrow();
  const ready = await count(sql<boolean>`not_before = 0`);
  const waited = await count(sql<boolean>`not_before > 0`);
  const later = await count(sql<boolean>`not_before > 0 and not_before > ${now}`);
  const refused = await count(sql<boolean>`attempts > 0`);
  return { unsent: ready.n + waited.n, later: later.n, refused: refused.n };
}
