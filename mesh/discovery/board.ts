import type { Log } from '../kernel/log.ts';
import type { Snapshot, Watch } from './resolver.ts';
import { sameEndpoint } from './same-endpoint.ts';

/** Where the newest snapshot of one service stands, and who is told when it changes. */
export interface Board {
  /** Puts up a snapshot; one that says the same as before is not passed on. */
  show(snapshot: Snapshot): void;
  /** Tells the listener the snapshot that stands there, though not before this call returned, and each new one. */
  watch(listener: (snapshot: Snapshot) => void): Watch;
}

export interface BoardOptions {
  readonly log: Log;
  /** Called when the last watch was closed. */
  readonly onUnwatched?: () => void;
}

interface Viewer {
  readonly listener: (snapshot: Snapshot) => void;
  seen?: Snapshot;
}

/** A board with nothing on it. */
export function createBoard({ log, onUnwatched }: BoardOptions): Board {
  const viewers = new Set<Viewer>();
  let current: Snapshot | undefined;

  const tell = (viewer: Viewer): void => {
    if (current === undefined || viewer.seen === current || !viewers.has(viewer)) return;
    viewer.seen = current;
    try {
      viewer.listener(current);
    } catch (thrown) {
      log.error('a listener of discovery threw', { service: current.service, err: thrown });
    }
  };

  return {
    show(snapshot) {
      if (current !== undefined && sameSnapshot(current, snapshot)) return;
      current = snapshot;
      for (const viewer of [...viewers]) tell(viewer);
    },
    watch(listener) {
      const viewer: Viewer = { listener };
      viewers.add(viewer);
      queueMicrotask(() => tell(viewer));
      return {
        close() {
          if (viewers.delete(viewer) && viewers.size === 0) onUnwatched?.();
        },
      };
    },
  };
}

/** Whether two snapshots say the same; endpoints of an update are mostly the very ones of the update before. */
function sameSnapshot(one: Snapshot, other: Snapshot): boolean {
  return (
    one.stale === other.stale &&
    one.endpoints.length === other.endpoints.length &&
    one.endpoints.every((endpoint, index) => sameEndpoint(endpoint, other.endpoints[index])) &&
    sameIds(one.suspects, other.suspects)
  );
}

function sameIds(one?: ReadonlySet<string>, other?: ReadonlySet<string>): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.size === other.size && [...one].every((id) => other.has(id));
}
