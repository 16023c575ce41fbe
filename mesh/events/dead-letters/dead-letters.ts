import type { Clock } from '../../kernel/clock.ts';
import { type Kysely, sql } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import { never, type ParkedEvent, park, unpark } from '../consume/parked.ts';
import { receive } from '../received.ts';
import { type EventTables, eventTables } from '../tables.ts';
import { type DeadLetter, letterOf } from './letter.ts';
import { forgetDeath, markReplayed } from './letter-rows.ts';

/** Chooses letters; what is absent does not restrict. */
export interface LetterFilter {
  readonly consumer?: string;
  /** The full name, or the last part of it. */
  readonly type?: string;
  readonly key?: string;
  /** Those that died at this time or later, wall ms. */
  readonly sinceMs?: number;
}

/** Some letters by their ids, or all that wait for a person and that a filter chooses. */
export type Which = { readonly ids: readonly string[] } | { readonly filter: LetterFilter };

/** What was done to letters. */
export interface Done {
  /** Their ids, oldest first. */
  readonly ids: readonly string[];
  /** Whether the filter may find more: at most `mostAtOnce` are touched in one transaction. */
  readonly more: boolean;
}

export interface Page {
  /** Most letters of the page. */
  readonly limit: number;
  /** Older than the letter of this id. */
  readonly before?: string;
  /** Also those that were replayed and have not died again. Default false. */
  readonly replayed?: boolean;
}

/** What the consumers of one database gave up. */
export interface DeadLetters {
  /** Newest first. */
  list(filter: LetterFilter, page: Page): Promise<readonly DeadLetter[]>;
  /** Those of these ids that are known, in the order of the ids. */
  get(ids: readonly string[]): Promise<readonly DeadLetter[]>;
  /**
   * Gives letters back to the consumers that gave them up: due at once, their failures counted from 0. In one
   * transaction with the end of the inbox's "dead", so that none is given back twice.
   */
  replay(which: Which): Promise<Done>;
  /** Forgets letters; their events stay given up. */
  drop(which: Which): Promise<Done>;
  /** How many wait for a person, by consumer; consumers without any are missing. */
  waiting(): Promise<ReadonlyMap<string, number>>;
}

export interface DeadLettersOptions<DB> {
  readonly store: Store<DB>;
  readonly clock: Clock;
}

/** Most letters that one transaction touches: a larger one would hold up every writer. */
export const mostAtOnce = 1_000;

export function createDeadLetters<DB>(options: DeadLettersOptions<DB>): DeadLetters {
  const { store, clock } = options;
  const done = (which: Which, ids: readonly string[]): Done => {
    return { ids, more: 'filter' in which && ids.length === mostAtOnce };
  };
  return {
    async list(filter, { limit, before, replayed = false }) {
      let query = letters(eventTables(store.db), filter);
      if (!replayed) query = query.where('letter.state', '=', 'dead');
      if (before !== undefined) query = query.where('letter.id', '<', before);
      const rows = await query.orderBy('letter.id', 'desc').limit(limit).execute();
      return rows.map(letterOf);
    },
    async get(ids) {
      const found = await chosen(eventTables(store.db), { ids });
      return ids.flatMap((id) => found.find((letter) => letter.id === id) ?? []);
    },
    async replay(which) {
      const ids = await store.transaction(async (tx) => {
        const db = eventTables(tx);
        const replayed: string[] = [];
        for (const letter of await chosen(db, which)) {
          // Whoever else replays it at this moment waits here, and then finds it replayed.
          if (!(await markReplayed(db, letter.id, clock.now()))) continue;
          await forgetDeath(db, letter);
          await park(tx, { ...asParked(letter), notBeforeMs: clock.now() });
          replayed.push(letter.id);
        }
        return replayed;
      });
      return done(which, ids);
    },
    async drop(which) {
      const ids = await store.transaction(async (tx) => {
        const db = eventTables(tx);
        const letters = await chosen(db, which);
        // A key that stood still for one of them goes on.
        for (const letter of letters) await unpark(tx, letter);
        const dropped = letters.map(({ id }) => id);
        if (dropped.length === 0) return [];
        const rows = await db
          .deleteFrom('weft_dead_letter')
          .where('id', 'in', dropped)
          .returning('id')
          .execute();
        return rows.map(({ id }) => id).sort();
      });
      return done(which, ids);
    },
    async waiting() {
      const rows = await eventTables(store.db)
        .selectFrom('weft_dead_letter')
        .select(['consumer', ({ fn }) => fn.countAll<number | string>().as('letters')])
        .where('state', '=', 'dead')
        .groupBy('consumer')
        .execute();
      // PostgreSQL counts in 64 bits, which its driver gives as text.
      return new Map(rows.map((row) => [row.consumer, Number(row.letters)]));
    },
  };
}

/** What was asked for; of a filter those that wait for a person, oldest first, as many as may be touched. */
async function chosen(db: Kysely<EventTables>, which: Which): Promise<readonly DeadLetter[]> {
  if ('ids' in which && which.ids.length === 0) return [];
  const query =
    'ids' in which
      ? letters(db, {}).where('letter.id', 'in', [...which.ids])
      : letters(db, which.filter).where('letter.state', '=', 'dead').limit(mostAtOnce);
  return (await query.orderBy('letter.id').execute()).map(letterOf);
}

function letters(db: Kysely<EventTables>, { consumer, type, key, sinceMs }: LetterFilter) {
  let query = db
    .selectFrom('weft_dead_letter as letter')
    .leftJoin('weft_inbox as inbox', (join) =>
      join
        .onRef('inbox.consumer', '=', 'letter.consumer')
        .onRef('inbox.event_id', '=', 'letter.event_id'),
    )
    .selectAll('letter')
    .select('inbox.outcome')
    .select(({ selectFrom }) =>
      selectFrom('weft_parked as head')
        .innerJoin('weft_parked as held', (join) =>
          join
            .onRef('held.consumer', '=', 'head.consumer')
            .onRef('held.place', '=', 'head.place')
            .onRef('held.event_key', '=', 'head.event_key'),
        )
        .select(({ fn }) => fn.countAll<number | string>().as('held'))
        .whereRef('head.consumer', '=', 'letter.consumer')
        .whereRef('head.event_id', '=', 'letter.event_id')
        .where('head.not_before', '=', never)
        .as('held'),
    );
  if (consumer !== undefined) query = query.where('letter.consumer', '=', consumer);
  if (type !== undefined) query = query.where(isType(type), '=', 1);
  if (key !== undefined) query = query.where('letter.event_key', '=', key);
  if (sinceMs !== undefined) query = query.where('letter.died_at', '>=', sinceMs);
  return query;
}

/** By comparison of the end, for `like` would read an underscore as any character. */
function isType(type: string) {
  const end = `.${type}`;
  const tail = sql`substr(letter.type, length(letter.type) - ${end.length - 1})`;
  return sql<number>`case when letter.type = ${type} or ${tail} = ${end} then 1 else 0 end`;
}

/** The event of a letter, as if it had failed for the first time and waited since. */
function asParked({ consumer, eventId, ...letter }: DeadLetter): Omit<ParkedEvent, 'notBeforeMs'> {
  const { subject, headers, payload: data, sequence } = letter;
  const { envelope } = receive({ headers, data });
  const message = { subject, headers, data, sequence, deliveries: 0 };
  return { consumer, eventId, key: envelope?.key ?? '', message };
}
