import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { Bus, PublishOutcome } from '../bus/bus.ts';
import type { Lease } from './lease.ts';
import { isRefusal, type Outbox, type OutboxMessage } from './outbox.ts';
import type { Source } from './source.ts';

/** Messages on their way from the outbox to the bus, some batches of them at once. */
export interface Flight {
  /** Resolves when another batch may follow; throws what became of one that failed. */
  room(): Promise<void>;
  /** Resolves when nothing is on its way; throws what became of one that failed. */
  empty(): Promise<void>;
  /** Resolves when nothing is on its way, and forgets what failed. */
  abandon(): Promise<void>;
  /** How many batches are on their way. */
  readonly size: number;
  /** What is due and not on its way. To be launched before the next is read. */
  read(limit: number): Promise<readonly OutboxMessage[]>;
  /**
   * Sends, and writes down what became of it; returns at once. What stands behind one of its key that is on its
   * way, or that has just been refused, is left in the outbox; false when that was all.
   */
  launch(lease: Lease, batch: Launch): boolean;
}

export interface Launch {
  readonly messages: readonly OutboxMessage[];
  /** Channels that cannot be sent to, and why. */
  readonly broken: ReadonlyMap<string, MeshError>;
  /** Of the bus, when the channels were looked at. */
  readonly epoch: number;
  readonly signal: AbortSignal;
}

export interface FlightOptions<DB> {
  readonly outbox: Outbox<DB>;
  readonly source: Source;
  readonly bus: Bus;
  readonly log: Log;
  /** A channel has given out a place that it had given out before: it has lost messages. */
  readonly onRegress: (channel: string) => void;
}

// While one batch is on its way the next is read; a third would only wait for the server.
const most = 2;

export function createFlight<DB>(options: FlightOptions<DB>): Flight {
  return new FlightMachine(options);
}

class FlightMachine<DB> implements Flight {
  readonly #batches = new Set<Promise<void>>();
  /** Why a batch failed; told once all have landed. */
  #failure: { readonly thrown: unknown } | undefined;
  readonly #rows = new Set<number>();
  /** Keys with a message on its way. The bus knows their order only within one call. */
  readonly #keys = new Set<string>();
  /** Keys whose messages were not stored, and when that was known; who read before may not have seen it. */
  readonly #stopped = new Map<string, number>();
  /** The highest place that each channel has given out. */
  readonly #highest = new Map<string, number>();
  #now = 0;
  #readAt = 0;
  readonly #options: FlightOptions<DB>;

  constructor(options: FlightOptions<DB>) {
    this.#options = options;
  }

  get size(): number {
    return this.#batches.size;
  }

  async room(): Promise<void> {
    while (this.#batches.size >= most) await Promise.race(this.#batches);
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  async empty(): Promise<void> {
    await Promise.all(this.#batches);
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  async abandon(): Promise<void> {
    await Promise.all(this.#batches);
    this.#failure = undefined;
    // Whoever reads after this sees what was written down.
    this.#stopped.clear();
  }

  async read(limit: number): Promise<readonly OutboxMessage[]> {
    this.#readAt = ++this.#now;
    return this.#options.source.read(limit, this.#rows);
  }

  launch(lease: Lease, { messages, ...how }: Launch): boolean {
    const going = messages.filter((message) => this.#mayGo(message));
    if (going.length < messages.length) this.#options.source.doubt();
    for (const [key, at] of this.#stopped) if (at <= this.#readAt) this.#stopped.delete(key);
    if (going.length === 0) return false;
    const keys = new Set(going.flatMap((message) => keyOf(message) ?? []));
    for (const { row } of going) this.#rows.add(row);
    for (const key of keys) this.#keys.add(key);
    const batch = this.#fly(lease, { messages: going, ...how })
      .catch((thrown: unknown): readonly PublishOutcome[] => {
        this.#failure ??= { thrown };
        return [];
      })
      .then((outcomes) => {
        // All in one moment: whoever reads while these rows are left out must be stopped at their keys.
        for (const { row } of going) this.#rows.delete(row);
        for (const key of keys) this.#keys.delete(key);
        this.#stop(going, outcomes);
        this.#batches.delete(batch);
      });
    this.#batches.add(batch);
    return true;
  }

  /** Not behind one of its key that is on its way, nor behind one that was stopped after this was read. */
  #mayGo(message: OutboxMessage): boolean {
    const key = keyOf(message);
    if (key === undefined) return true;
    return !this.#keys.has(key) && (this.#stopped.get(key) ?? 0) <= this.#readAt;
  }

  async #fly(lease: Lease, { messages, ...how }: Launch): Promise<readonly PublishOutcome[]> {
    const { outbox, bus, log } = this.#options;
    const before = new Map(this.#highest);
    const outcomes = this.#checked(messages, await send(bus, messages, how), before);
    await outbox.settle(lease, messages, outcomes);
    let away: MeshError | undefined;
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.stored) continue;
      if (outcome.error.status === 'UNAVAILABLE') away ??= outcome.error;
      if (!isRefusal(outcome)) continue;
      const { id, channel, key, attempts } = messages[i] ?? {};
      log.error('the bus refuses an event; those of its key wait behind it', {
        ...{ id, channel, key, attempts, err: outcome.error },
      });
    }
    if (away !== undefined) throw away;
    return outcomes;
  }

  /** Whoever read before now may hold messages that stand behind these. */
  #stop(messages: readonly OutboxMessage[], outcomes: readonly PublishOutcome[]): void {
    this.#now++;
    if (messages.some((_, i) => outcomes[i]?.stored !== true)) this.#options.source.doubt();
    for (const [i, message] of messages.entries()) {
      const key = keyOf(message);
      if (key !== undefined && outcomes[i]?.stored !== true) this.#stopped.set(key, this.#now);
    }
  }

  /**
   * A place that is not above those known before: the channel has lost its end. What it stored now is open
   * then, so that what it lost is sent first; the repetition is recognised by its id.
   */
  #checked(
    messages: readonly OutboxMessage[],
    outcomes: readonly PublishOutcome[],
    before: ReadonlyMap<string, number>,
  ): readonly PublishOutcome[] {
    const lost = new Set<string>();
    for (const [i, outcome] of outcomes.entries()) {
      const { channel = '' } = messages[i] ?? {};
      if (!outcome.stored || outcome.duplicate) continue;
      if (outcome.sequence <= (before.get(channel) ?? 0)) lost.add(channel);
      this.#highest.set(channel, Math.max(outcome.sequence, this.#highest.get(channel) ?? 0));
    }
    if (lost.size === 0) return outcomes;
    for (const channel of lost) {
      this.#highest.delete(channel);
      this.#options.onRegress(channel);
    }
    return outcomes.map((outcome, i) =>
      lost.has(messages[i]?.channel ?? '') && outcome.stored ? open : outcome,
    );
  }
}

const open: PublishOutcome = {
  stored: false,
  error: new MeshError('the channel has lost messages; those come first', {
    status: 'ABORTED',
    reason: 'HELD_BACK',
  }),
};

/** Sends what can be sent; a broken channel fails its own messages only. */
async function send(
  bus: Bus,
  messages: readonly OutboxMessage[],
  { broken, epoch, signal }: Omit<Launch, 'messages'>,
): Promise<readonly PublishOutcome[]> {
  if (broken.size === 0) return bus.publish(messages, signal, epoch);
  const good = messages.filter(({ channel }) => !broken.has(channel));
  const outcomes = (await bus.publish(good, signal, epoch))[Symbol.iterator]();
  return messages.map(({ channel }): PublishOutcome => {
    const error = broken.get(channel);
    if (error !== undefined) return { stored: false, error };
    const next = outcomes.next();
    if (next.done !== true) return next.value;
    throw new Error('the bus gave fewer outcomes than it was given messages');
  });
}

function keyOf({ channel, key }: OutboxMessage): string | undefined {
  return key === '' ? undefined : `${channel} ${key}`;
}
