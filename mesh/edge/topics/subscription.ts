import { MeshError } from '../../kernel/error.ts';
import { errorFrame } from '../socket/frame.ts';
import type { SocketConnection } from '../socket/socket.ts';
import { createFilter, type Filter } from './filter.ts';
import type { TopicEvent, TopicSource } from './source.ts';
import type { Window } from './window.ts';

export interface SubscriptionOptions {
  /** What the client calls it by. */
  readonly id: string;
  readonly connection: SocketConnection;
  readonly source: TopicSource;
  readonly window: Window;
  readonly filter: Filter;
  /** The place behind which it begins. */
  readonly after: number;
  /** Aborts when the client wants no more of it, or is gone. */
  readonly signal: AbortSignal;
}

/** So many events may be passed over until the client is told its place: else one that sees little falls behind. */
const silentEvents = 200;

/**
 * Sends a subscriber what it wants, each event when there is room for it, until the signal aborts. Whatever
 * else ends it is told as a frame: the client may subscribe again, from the place that it has.
 */
export async function runSubscription(options: SubscriptionOptions): Promise<void> {
  const { id, connection, signal } = options;
  try {
    await follow(options);
  } catch (thrown) {
    if (signal.aborted) return;
    const told = errorFrame(undefined, MeshError.from(thrown));
    const frame = { ...told, type: 'ended', subscription: id };
    await connection.send(frame).catch(() => undefined);
  }
}

async function follow(options: SubscriptionOptions): Promise<void> {
  const { id, connection, source, window, signal } = options;
  const wants = createFilter(options.filter);
  const { generation } = window;
  let place = options.after;
  let silent = 0;
  const tell = async (event: TopicEvent): Promise<void> => {
    place = event.sequence;
    if (wants(event)) {
      const { type, ...rest } = event;
      silent = 0;
      await connection.send({ type: 'event', subscription: id, event: type, ...rest });
    } else if (++silent >= silentEvents) {
      silent = 0;
      await connection.send({ type: 'place', subscription: id, sequence: place });
    }
  };
  while (!signal.aborted) {
    if (window.generation !== generation) throw renewed();
    const next = window.after(place);
    if (next === undefined) await window.news(signal);
    else if (next !== 'behind') await tell(next);
    else {
      await checkPlace(source, place);
      await catchUp({ ...options, after: place }, tell);
    }
  }
}

/** Reads the channel alone until the window reaches back to where it is. */
async function catchUp(
  { source, window, signal, after }: SubscriptionOptions,
  tell: (event: TopicEvent) => Promise<void>,
): Promise<void> {
  const arrived = Promise.withResolvers<void>();
  const reading = source.read(after + 1, async (event) => {
    await tell(event);
    if (window.after(event.sequence) !== 'behind') arrived.resolve();
  });
  const leave = (): void => {
    arrived.resolve();
  };
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    await Promise.race([arrived.promise, reading.ended]);
  } finally {
    signal.removeEventListener('abort', leave);
    await reading.close();
  }
}

/** Throws OUT_OF_RANGE for a place from which nobody can go on without missing something. */
export async function checkPlace(source: TopicSource, place: number): Promise<void> {
  const state = await source.state();
  const { firstSequence: first, lastSequence: last } = state ?? {
    ...{ firstSequence: 1, lastSequence: 0 },
  };
  const facts = { first: String(first), last: String(last), after: String(place) };
  if (place > last) {
    throw new MeshError(
      `nothing has stood at ${facts.after} yet, the last place is ${facts.last}: the channel was made anew, or this place is of another one; subscribe without a place`,
      { status: 'OUT_OF_RANGE', reason: 'PLACE_UNKNOWN', details: { facts } },
    );
  }
  if (place + 1 < first) {
    throw new MeshError(
      `what came behind ${facts.after} is no longer kept, the first place is ${facts.first}; fetch what you need anew and subscribe without a place`,
      { status: 'OUT_OF_RANGE', reason: 'PLACE_GONE', details: { facts } },
    );
  }
}

function renewed(): MeshError {
  return new MeshError('the channel was made anew; subscribe without a place', {
    ...{ status: 'OUT_OF_RANGE', reason: 'PLACE_UNKNOWN' },
  });
}
