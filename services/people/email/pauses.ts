/** The pause of sending in SQL: it outlives the process, and holds for all instances. */
import type { Store } from '#mesh';
import type { EmailDb } from './store.ts';

/** Nothing is sent until then. */
export interface Pause {
  /** Wall ms. */
  readonly untilMs: number;
  readonly because: string;
  /** How often in a row the provider has not said how long. */
  readonly failures: number;
}

export interface PauseStore {
  /** The last one, be it over or not. */
  last(): Promise<Pause | undefined>;
  /** Unless a longer one stands: of two that were told at once the provider means the longer. */
  set(pause: Pause): Promise<void>;
}

export function createPauseStore({ db }: Store<EmailDb>): PauseStore {
  return {
    async last() {
      const row = await db.selectFrom('pauses').selectAll().executeTakeFirst();
      return row && { untilMs: row.until, because: row.because, failures: row.failures };
    },

    async set({ untilMs, because, failures }) {
      const row = { until: untilMs, because, failures };
      await db
        .insertInto('pauses')
        .values({ provider: 'only', ...row })
        .onConflict((conflict) =>
          conflict.column('provider').doUpdateSet(row).where('pauses.until', '<=', untilMs),
        )
        .execute();
    },
  };
}
