import { createBell } from '../../kernel/bell.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { ParkedRow } from './parked.ts';
import type { ParkedKeys } from './parked-keys.ts';

/** Brings back the first parked event of each key of a place when it is due. */
export interface HeadsFeed extends Closeable {
  /** A row has ended, or there is one more. */
  look(): void;
}

export interface HeadsFeedOptions {
  readonly parkedKeys: ParkedKeys;
  readonly place: string;
  readonly room: () => number;
  /** The rows that are not to be brought again. */
  readonly inHand: ReadonlySet<number>;
  /** Called once, with the keys that have parked events, before any row is brought. */
  readonly onKeys: (keys: readonly string[]) => void;
  readonly onRow: (row: ParkedRow) => void;
  readonly clock: Clock;
  readonly log: Log;
}

// A row that a replay has parked or made due is found by this look, at the latest.
const idleMs = 1_000;

export function createHeadsFeed(options: HeadsFeedOptions): HeadsFeed {
  const { parkedKeys, place, room, inHand, onKeys, onRow, clock, log } = options;
  const bell = createBell(clock);
  const stop = new AbortController();
  let begun = false;
  // The bell remembers nothing, and the feed may be looking when it rings.
  let again = false;

  const look = async (): Promise<number> => {
    if (!begun) {
      const keys = await parkedKeys.keys(place);
      if (stop.signal.aborted) return 0;
      onKeys(keys);
      begun = true;
    }
    const limit = room();
    if (limit <= 0) return idleMs;
    const { rows, nextDueMs = Infinity } = await parkedKeys.heads(place, limit + inHand.size);
    if (stop.signal.aborted) return 0;
    for (const row of rows) {
      if (!inHand.has(row.id)) onRow(row);
    }
    return Math.max(1, Math.min(idleMs, rows.length > 0 ? idleMs : nextDueMs - clock.now()));
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      let waitMs = idleMs;
      try {
        waitMs = await look();
      } catch (err) {
        log.debug('what is parked cannot be read; tried again', { err });
      }
      if (!again) await bell.heard({ withinMs: waitMs, signal: stop.signal });
      again = false;
    }
  };
  const running = run();
  return {
    look() {
      again = true;
      bell.ring();
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
