import type { Log } from '../kernel/log.ts';
import type { Snapshot, Watch } from './resolver.ts';

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
      if (current !== undefined && says(current) === says(snapshot)) return;
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

/** The same text for snapshots that say the same; the order of metadata says nothing. */
function says({ endpoints, stale }: Snapshot): string {
  const lines = endpoints.map(({ instanceId, host, port, metadata }) => [
    instanceId,
    host,
    port,
    Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return JSON.stringify([stale, lines]);
}
