import type { Clock } from '../../kernel/clock.ts';

/** The requests that are on their way. */
export interface Arriving {
  /** The first bytes are here. */
  add(request: Late): void;
  /** The request is complete, or given up. */
  delete(request: Late): void;
}

/** What is told that its time is over. */
export interface Late {
  /** When it began, as `now` was then. */
  readonly begunMs: number;
  late(): void;
}

/** Between the look that finds a request late and the one that ends it, in ms. */
const secondLookMs = 20;

/**
 * Bounds how long requests may take to arrive: a body that comes a byte a second holds a slot of its
 * connection for ever, with a deadline of its sender's choice or none. One timer for all of them, because a
 * timer costs more than the two touches of a set, and almost every request is complete when it is first seen.
 */
export function createArriving(clock: Clock, timeoutMs: number): Arriving {
  // In the order in which they began: the first is the oldest.
  const requests = new Set<Late>();
  let watching = false;

  /** `overdue` holds who was late a moment ago: an event loop that stood still gets a turn to read what came. */
  function look(overdue: ReadonlySet<Late>): void {
    watching = false;
    const bound = clock.monotonic() - timeoutMs;
    const late = new Set<Late>();
    let next = Number.POSITIVE_INFINITY;
    for (const request of requests) {
      if (request.begunMs > bound) {
        next = request.begunMs - bound;
        break;
      }
      if (overdue.has(request)) {
        requests.delete(request);
        request.late();
      } else {
        late.add(request);
      }
    }
    if (late.size > 0) watch(Math.min(next, secondLookMs), late);
    else if (next < Number.POSITIVE_INFINITY) watch(next);
  }

  function watch(ms: number, overdue: ReadonlySet<Late> = new Set()): void {
    watching = true;
    clock.after(ms, () => {
      look(overdue);
    });
  }

  return {
    add(request) {
      requests.add(request);
      if (!watching) watch(timeoutMs);
    },
    delete(request) {
      requests.delete(request);
    },
  };
}
