import { contextRoot, type RunUnder } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Image } from '../../schema/image.ts';
import {
  type Bus,
  defaultReadAhead,
  type Reading,
  type ReadMessage,
  type ReadOptions,
} from '../bus/bus.ts';
import { filterOf } from '../bus/subject.ts';
import { eventOptions } from '../outbox/publish.ts';
import { LazyFacts, type ReadFacts, unreadOf } from './facts.ts';
import { decode, type Reader } from './reader.ts';

/** What `events.read` reads, from where, and until when. */
export interface ReadEventsOptions {
  /** Made by `onRead`, all for types of one channel; no two for one type. */
  readonly readers: readonly Reader[];
  /** The place to begin with; "now": with what comes. Default 1: with all that is kept. */
  readonly from?: number | 'now';
  /** Whether it ends when it has read all that stood in the channel. Default false: it goes on with what comes. */
  readonly toEnd?: boolean;
}

/** A running reading. */
export interface EventReading extends Closeable {
  /**
   * Resolves when it was closed, or has read all with `toEnd`. Rejects with what a reader threw, or DATA_LOSS
   * for a message that cannot be read; nothing is read after that, and `sequence` is the place of the last that
   * was.
   */
  readonly ended: Promise<void>;
  /** The place of the last message that was read; 0 at first. */
  readonly sequence: number;
}

interface ReadParts {
  readonly bus: Bus;
  readonly image: Pick<Image, 'registry' | 'event'>;
}

/** Reads a channel in its order, one message after another, without a consumer: nothing of it stays behind. */
export function readEvents({ bus, image }: ReadParts, options: ReadEventsOptions): EventReading {
  const { from = 1, toEnd = false } = options;
  const readers = new Map(options.readers.map((reader) => [reader.typeName, reader]));
  const { channel, subjects } = oneChannel(options.readers, image);
  return new ReadingLoop({ readers, image, under: contextRoot(), toEnd }, (hear) =>
    bus.read({ channel: { name: channel }, subjects, from, ...hear }),
  );
}

interface LoopParts {
  readonly readers: ReadonlyMap<string, Reader>;
  readonly image: Pick<Image, 'registry'>;
  readonly under: RunUnder;
  readonly toEnd: boolean;
}

type Hear = Required<Pick<ReadOptions, 'onMessage' | 'onCaughtUp'>>;

// Room is given back in portions: the bus asks for more at a quarter of what it reads ahead.
const portion = defaultReadAhead / 8;

class ReadingLoop implements EventReading {
  sequence = 0;
  readonly ended: Promise<void>;
  readonly #parts: LoopParts;
  readonly #reading: Reading;
  readonly #end: PromiseWithResolvers<void>;
  readonly #stop = new AbortController();
  #waiting: ReadMessage[] = [];
  #isReading = false;
  #caughtUp = false;
  #undone = 0;

  constructor(parts: LoopParts, open: (hear: Hear) => Reading) {
    this.#parts = parts;
    this.#end = Promise.withResolvers<void>();
    this.ended = this.#end.promise;
    // Whoever only closes it need not hear how it ended.
    this.ended.catch(() => undefined);
    this.#reading = open({
      onMessage: (message) => {
        this.#waiting.push(message);
        if (!this.#isReading) void this.#run();
      },
      onCaughtUp: () => {
        this.#caughtUp = true;
        if (!this.#isReading) void this.#run();
      },
    });
  }

  async close(): Promise<void> {
    this.#stop.abort(new MeshError('the reading is closing', { status: 'CANCELLED' }));
    await this.#reading.close();
    if (!this.#isReading) this.#end.resolve();
    await this.ended.catch(() => undefined);
  }

  // A method: `close` may be called during any await.
  #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    this.#isReading = true;
    // The bus is still handing them out, and may not be entered again meanwhile.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0 && !this.#isOver()) {
        const batch = this.#waiting;
        this.#waiting = [];
        await this.#readAll(batch);
      }
      if (this.#isOver()) this.#end.resolve();
      else if (this.#caughtUp && this.#parts.toEnd) this.#finish(undefined);
    } catch (thrown) {
      this.#finish(thrown);
    } finally {
      this.#isReading = false;
    }
  }

  async #readAll(batch: readonly ReadMessage[]): Promise<void> {
    for (const message of batch) {
      if (this.#isOver()) return;
      const wait = this.#read(message);
      // Not for nothing: a turn of the microtasks costs as much as reading the headers.
      if (wait !== undefined) await wait;
      this.sequence = message.sequence;
      if (++this.#undone === portion) {
        this.#reading.done(portion);
        this.#undone = 0;
      }
    }
  }

  #read(message: ReadMessage): void | Promise<void> {
    const { readers, image, under } = this.#parts;
    const unread = unreadOf(message);
    const reader = readers.get(unread.type);
    // Another version of a type that is read: subjects do not tell versions apart.
    if (reader === undefined) return undefined;
    const facts = new LazyFacts(message, unread.envelope, this.#stop.signal);
    return under(facts, tell, decode(reader, { body: unread.body, image, facts }), facts);
  }

  #finish(thrown: unknown): void {
    this.#stop.abort();
    if (thrown === undefined) this.#end.resolve();
    else this.#end.reject(thrown);
    void this.#reading.close();
  }
}

function tell(read: ReturnType<Reader['decode']>, facts: ReadFacts): void | Promise<void> {
  return read(facts);
}

/** What is to be read; INVALID_ARGUMENT/INVALID_HANDLERS unless it is of one channel. */
function oneChannel(
  readers: readonly Reader[],
  image: Pick<Image, 'event'>,
): { readonly channel: string; readonly subjects: readonly string[] } {
  const routes = readers.map(({ typeName }) => ({
    typeName,
    event: eventOptions(image, typeName),
  }));
  const channels = new Set(routes.map(({ event }) => event.channel));
  const [channel] = channels;
  const types = new Set(readers.map(({ typeName }) => typeName));
  if (channel !== undefined && channels.size === 1 && types.size === readers.length) {
    return { channel, subjects: [...new Set(routes.map((it) => filterOf(it.event, it.typeName)))] };
  }
  const names = readers.map(({ typeName }) => typeName).join(', ') || 'nothing';
  throw new MeshError(
    `a reading is of one channel, with one reader for each type; these are for ${names} on ${[...channels].join(', ') || 'no channel'}: open a reading for each channel`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_HANDLERS' },
  );
}
