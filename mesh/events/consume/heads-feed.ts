import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { createLookout, type Lookout } from './lookout.ts';
import type { ParkedRow } from './parked.ts';
import type { ParkedKeys } from './parked-keys.ts';

/** Told to look when a row has ended, or there is one more. */
export type HeadsFeed = Lookout;

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

/** Brings back the first parked event of each key of a place when it is due. */
export function createHeadsFeed(options: HeadsFeedOptions): HeadsFeed {
  const { parkedKeys, place, room, inHand, onKeys, onRow, clock, log } = options;
  let begun = false;

  const look = async (stop: AbortSignal): Promise<number> => {
    if (!begun) {
      const keys = await parkedKeys.keys(place);
      if (stop.aborted) return 0;
      onKeys(keys);
      begun = true;
    }
    const limit = room();
    if (limit <= 0) return idleMs;
    const { rows, nextDueMs = Infinity } = await parkedKeys.heads(place, limit + inHand.size);
    if (stop.aborted) return 0;
    for (const row of rows) {
      if (!inHand.has(row.id)) onRow(row);
    }
    return Math.max(1, Math.min(idleMs, rows.length > 0 ? idleMs : nextDueMs - clock.now()));
  };
  return createLookout({ look, afterFaultMs: () => idleMs, clock, log });
}
