import { sql } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { sourcingTables } from './tables.ts';

/** Up to which position nothing can appear any more between what is there. */
export interface Watermark {
  look(): Promise<number>;
}

/**
 * SQLite has one writer: positions appear in their order. In PostgreSQL a transaction takes its positions
 * before it commits, so a higher one may be seen first, and a reader that goes on from there never sees the
 * lower one. A position is safe when every transaction that was running at a look which saw it has ended by a
 * later look: what took a lower position was among them, because it has its number before it takes a position
 * (see appendEvents). With nothing running, one look is enough; behind a transaction that writes for a minute
 * readers wait for a minute, and lose nothing.
 */
export function createWatermark<DB>(store: Store<DB>): Watermark {
  return store.dialect === 'sqlite' ? newest(store) : settled(store);
}

function newest<DB>(store: Store<DB>): Watermark {
  return {
    async look() {
      const last = await sourcingTables(store.db)
        .selectFrom('weft_event_log')
        .select('position')
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst();
      return last?.position ?? 0;
    },
  };
}

interface Look {
  readonly top: number;
  /** The number that the next transaction will have. */
  readonly next: bigint;
}

function settled<DB>(store: Store<DB>): Watermark {
  let safe = 0;
  // The oldest look whose transactions have not all ended; later ones have to wait for it, or would
  // always wait for transactions newer than themselves.
  let pending: Look | undefined;
  return {
    async look() {
      // One statement, so that all of it is seen at one moment.
      const { rows } = await sql<{ top: string; oldest: string; next: string }>`
        select coalesce((select max(position) from weft_event_log), 0)::text as top,
          pg_snapshot_xmin(seen)::text as oldest, pg_snapshot_xmax(seen)::text as next
        from pg_current_snapshot() as seen`.execute(store.db);
      const [row] = rows;
      if (row === undefined) return safe;
      const oldest = BigInt(row.oldest);
      const look: Look = { top: Number(row.top), next: BigInt(row.next) };
      if (pending !== undefined && oldest >= pending.next) {
        safe = Math.max(safe, pending.top);
        pending = undefined;
      }
      if (oldest >= look.next) safe = Math.max(safe, look.top);
      else pending ??= look;
      return safe;
    },
  };
}
