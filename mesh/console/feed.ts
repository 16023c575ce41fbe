import type { Clock } from '../kernel/clock.ts';
import { type Regions, regionIds } from './regions.ts';

/** One look for all who watch, and none while nobody does. */
export interface Feed {
  /** What is to be shown now: of the last look if that is fresh, else of a new one. */
  now(): Promise<Regions>;
  /** Shows the viewer each look as it is made, until the returned function is called. */
  watch(viewer: Viewer): () => void;
  /** Ends all; the viewers are told no more. */
  close(): Promise<void>;
}

/** Takes the parts that changed since it last took some; false: it is behind, and took none. */
export type Viewer = (changed: Partial<Regions>) => boolean;

export interface FeedOptions {
  /** Looks, and draws what it sees. */
  readonly look: () => Promise<Regions>;
  /** Lets go of what looking needs: nobody has watched for a while. */
  readonly rest: () => Promise<void>;
  readonly clock: Clock;
  /** The pause between two looks, in ms. */
  readonly everyMs: number;
  /** How long after the last viewer looking rests, in ms. */
  readonly restAfterMs: number;
}

interface Watching {
  readonly viewer: Viewer;
  shown: Partial<Regions>;
}

export function createFeed(options: FeedOptions): Feed {
  const { clock, everyMs, restAfterMs } = options;
  const watching = new Set<Watching>();
  let last: { readonly regions: Regions; readonly atMs: number } | undefined;
  let looking: Promise<Regions> | undefined;
  let cancel = (): void => undefined;
  let closed = false;

  const look = (): Promise<Regions> => {
    looking ??= options
      .look()
      .then((regions) => {
        last = { regions, atMs: clock.monotonic() };
        for (const each of watching) show(each, regions);
        return regions;
      })
      .finally(() => {
        looking = undefined;
        plan();
      });
    return looking;
  };
  // From the end of a look to the next: a slow mesh is asked less often.
  const plan = (): void => {
    cancel();
    if (closed) return;
    cancel =
      watching.size > 0
        ? clock.after(everyMs, () => void look().catch(() => undefined))
        : clock.after(restAfterMs, () => void options.rest());
  };
  return {
    async now() {
      if (last !== undefined && clock.monotonic() - last.atMs < everyMs) return last.regions;
      return look();
    },
    watch(viewer) {
      const each: Watching = { viewer, shown: {} };
      watching.add(each);
      if (last !== undefined) show(each, last.regions);
      if (watching.size === 1 && looking === undefined) void look().catch(() => undefined);
      return () => {
        if (watching.delete(each) && watching.size === 0 && looking === undefined) plan();
      };
    },
    async close() {
      closed = true;
      cancel();
      watching.clear();
      await looking?.catch(() => undefined);
      await options.rest();
    },
  };
}

/** What changed since this viewer took something. */
function show(each: Watching, regions: Regions): void {
  const changed = regionIds.filter((id) => each.shown[id] !== regions[id]);
  if (changed.length === 0) return;
  const parts = Object.fromEntries(changed.map((id) => [id, regions[id]]));
  if (each.viewer(parts)) each.shown = regions;
}
