/**
 * The newest events of a topic, held once for all who subscribe: one reading of the channel, however many
 * listen. A subscriber has a place in it and nothing else; one that falls behind the window reads the channel
 * by itself until it has caught up. So memory is bounded by the window, whatever readers do.
 */
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { TopicEvent, TopicSource } from './source.ts';

export interface Window extends Closeable {
  /** The place of the newest event that is known. */
  readonly head: number;
  /** Another one when the channel was made anew: places of before mean nothing. */
  readonly generation: number;
  /** The next event behind a place; "behind" when the window does not reach back so far; undefined at the head. */
  after(place: number): TopicEvent | 'behind' | undefined;
  /** Resolves when something came, or the signal aborts. */
  news(signal: AbortSignal): Promise<void>;
}

export interface WindowOptions {
  readonly source: TopicSource;
  /** How many events are held. */
  readonly size: number;
  readonly log: Log;
}

/** Opens a window on what comes from now on. Throws UNAVAILABLE when the broker does not answer. */
export async function openWindow({ source, size, log }: WindowOptions): Promise<Window> {
  const state = await source.state();
  let events: TopicEvent[] = [];
  /** Every event of the topic behind this place, and up to the head, is held. */
  let floor = state?.lastSequence ?? 0;
  let head = floor;
  let generation = 0;
  let isClosed = false;
  const waiting = new Set<() => void>();

  const onEvent = (event: TopicEvent): void => {
    if (event.sequence <= head) {
      generation++;
      events = [];
      floor = event.sequence - 1;
    }
    events.push(event);
    head = event.sequence;
    // In portions: taking the first off an array moves all the others.
    if (events.length > size * 1.25) {
      const gone = events.splice(0, events.length - size);
      floor = gone.at(-1)?.sequence ?? floor;
    }
    for (const wake of [...waiting]) wake();
  };
  let reading = source.read(floor + 1, onEvent);
  const watch = (): void => {
    reading.ended.catch((thrown: unknown) => {
      if (isClosed) return;
      log.error('a topic passed over an event', { err: MeshError.from(thrown) });
      reading = source.read('now', onEvent);
      watch();
    });
  };
  watch();
  return {
    get head() {
      return head;
    },
    get generation() {
      return generation;
    },
    after(place) {
      if (place < floor) return 'behind';
      if (place >= head) return undefined;
      return events[firstBehind(events, place)];
    },
    news: (signal) => heard(waiting, signal),
    async close() {
      isClosed = true;
      await reading.close();
    },
  };
}

/** The index of the first event behind a place; they are sorted by it. */
function firstBehind(events: readonly TopicEvent[], place: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.sequence ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Resolves when whoever waits is woken, or the signal aborts. */
function heard(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      waiting.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
  });
}
