import type { Clock } from '../../kernel/clock.ts';
import type { Store } from '../../store/store.ts';
import { eventTables } from '../tables.ts';
import type { ParkedRow } from './parked.ts';

/** The parked events of one consumer by the order of their keys: for who alone deals with a place (subject.ts). */
export interface ParkedKeys {
  /**
   * The first events of the keys of a place, as far as they are due, with no regard to who has them in hand; and
   * when the next ones will be, wall ms.
   */
  heads(place: string, limit: number): Promise<Heads>;
  /** The keys of a place, as they stand in the rows; or whether there is this one. */
  keys(place: string, only?: string): Promise<readonly string[]>;
}

export interface Heads {
  readonly rows: readonly ParkedRow[];
  readonly nextDueMs: number | undefined;
}

export function createParkedKeys<DB>(store: Store<DB>, consumer: string, clock: Clock): ParkedKeys {
  const db = eventTables(store.db);
  return {
    async heads(place, limit) {
      const first = db
        .selectFrom('weft_parked as head')
        .where('consumer', '=', consumer)
        .where('place', '=', place)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('weft_parked as before')
                .select('before.id')
                .whereRef('before.consumer', '=', 'head.consumer')
                .whereRef('before.place', '=', 'head.place')
                .whereRef('before.event_key', '=', 'head.event_key')
                .whereRef('before.sequence', '<', 'head.sequence'),
            ),
          ),
        );
      const { due } = await first
        .select(({ fn }) => fn.min<number | null>('not_before').as('due'))
        .executeTakeFirstOrThrow();
      const nextDueMs = due ?? undefined;
      if (nextDueMs === undefined || nextDueMs > clock.now()) return { rows: [], nextDueMs };
      const rows = await first
        .selectAll('head')
        .where('not_before', '<=', clock.now())
        .orderBy('sequence')
        .limit(limit)
        .execute();
      return { rows, nextDueMs };
    },
    async keys(place, only) {
      let query = db
        .selectFrom('weft_parked')
        .select('event_key')
        .distinct()
        .where('consumer', '=', consumer)
        .where('place', '=', place);
      if (only !== undefined) query = query.where('event_key', '=', only).limit(1);
      return (await query.execute()).map((row) => row.event_key);
    },
  };
}
