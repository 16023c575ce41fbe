import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { Store } from '../../store/store.ts';
import type { ConsumeOptions, Consumption, Delivery } from '../bus/bus.ts';
import { encodeValue } from '../envelope.ts';
import { eventTables } from '../tables.ts';
import type { Holder } from './assignment.ts';
import { blame } from './blame.ts';
import type { Consume, Fence, Incoming, Verdict } from './consume.ts';
import { createHeadsFeed, type HeadsFeed } from './heads-feed.ts';
import type { Again } from './lanes.ts';
import { messageOf, type ParkedRow, parkBehind } from './parked.ts';
import type { ParkedKeys } from './parked-keys.ts';
import type { ParkingLot } from './parking-lot.ts';
import { incomingOf } from './shared-intake.ts';

/** One event of a place, on its way through its lane. */
export interface Entry {
  readonly place: OrderedPlace;
  incoming: Incoming;
  /** The same message, delivered again while it is in hand: settled with the first. */
  readonly copies: Delivery[];
  /** Its row, if it comes from there. */
  readonly row: ParkedRow | undefined;
}

/** A place of a consumer as long as this process holds it. */
export interface OrderedPlace extends Holder {
  readonly consumption: Consumption;
  /** Brings an event to the stack, or parks it behind those of its key. */
  run(entry: Entry): Promise<Again>;
}

export interface OrderedPlaceOptions<DB> {
  readonly place: string;
  readonly consumer: string;
  readonly fence: Fence;
  readonly store: Store<DB>;
  readonly lot: Pick<ParkingLot, 'forget'>;
  readonly parkedKeys: ParkedKeys;
  /** Begins deliveries, in order, with the oldest message that is not acked; `onBegin` at each beginning. */
  readonly consumeFrom: (on: Pick<ConsumeOptions, 'onBegin' | 'onDelivery'>) => Consumption;
  /** Puts an entry into the lane of its key. */
  readonly add: (lane: string, entry: Entry) => void;
  /** Takes the waiting entries of a place out of their lanes. */
  readonly remove: (place: OrderedPlace) => readonly Entry[];
  readonly consume: Consume;
  readonly ackWaitMs: number;
  /** Most parked events in hand. */
  readonly mostParked: number;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// The database is away, or the consumer has a fault of its own: the lane waits, the order stays.
const afterFaultMs = 1_000;

/**
 * Keeps the order of each key of one place. Deliveries begin with the oldest that is not acked and go on in
 * the order of the channel, so what comes for the first time comes in order; what has a sequence that was
 * there before is a repetition, of something in hand or of something that was settled here.
 *
 * A key of which an event is parked has all its later events parked behind it, in the transaction that counts
 * the failure or in one of their own, until the last of them is over.
 */
export function createOrderedPlace<DB>(options: OrderedPlaceOptions<DB>): OrderedPlace {
  return new Place(options);
}

class Place<DB> implements OrderedPlace {
  readonly consumption: Consumption;
  readonly #running = new Set<Promise<Again>>();
  readonly #options: OrderedPlaceOptions<DB>;
  readonly #stop = new AbortController();
  readonly #inHand = new Map<number, Entry>();
  readonly #rowsInHand = new Set<number>();
  /** Keys, encoded, with parked events. */
  readonly #parked = new Set<string>();
  readonly #feed: HeadsFeed;
  readonly #stopHeartbeat: () => void;
  readonly #early: Delivery[] = [];
  /** The last sequence since deliveries have begun. */
  #highest = 0;
  #begun = false;
  /** From now on everything goes back: to take a repetition for something settled would lose it. */
  #over = false;

  constructor(options: OrderedPlaceOptions<DB>) {
    const { place, mostParked, consumeFrom, stop } = options;
    this.#options = options;
    if (stop.aborted) this.#stop.abort(stop.reason);
    stop.addEventListener('abort', this.#onStop, { once: true });
    this.#feed = createHeadsFeed({
      ...{ ...options, place },
      room: () => mostParked - this.#rowsInHand.size,
      inHand: this.#rowsInHand,
      onKeys: (keys) => this.#begin(keys),
      onRow: (row) => this.#onRow(row),
    });
    this.consumption = consumeFrom({
      onBegin: () => {
        // The stream may be another one, with sequences of its own.
        this.#highest = 0;
      },
      onDelivery: (delivery) => this.#onDelivery(delivery),
    });
    this.#stopHeartbeat = this.#heartbeat();
  }

  async run(entry: Entry): Promise<Again> {
    const work = this.#run(entry);
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  async close(): Promise<void> {
    const { remove, stop } = this.#options;
    this.#over = true;
    const ended = [this.#feed.close(), this.consumption.close()];
    for (const entry of remove(this)) this.#giveBack(entry);
    for (const delivery of this.#early.splice(0)) delivery.nak();
    await Promise.all([...ended, ...this.#running]);
    // What stood behind those that ran.
    for (const entry of remove(this)) this.#giveBack(entry);
    this.#stopHeartbeat();
    stop.removeEventListener('abort', this.#onStop);
  }

  async abandon(): Promise<void> {
    this.#stop.abort();
    await this.close();
  }

  readonly #onStop = (): void => {
    this.#stop.abort(this.#options.stop.reason);
  };

  async #run(entry: Entry): Promise<Again> {
    const { incoming, row } = entry;
    const key = keyOf(incoming);
    if (this.#over || this.#stop.signal.aborted) {
      this.#giveBack(entry);
      return undefined;
    }
    try {
      if (row === undefined && this.#parked.has(key)) return await this.#parkBehind(entry);
      const verdict = await this.#options.consume(incoming);
      if (verdict.kind === 'nak') return this.#again(entry, verdict);
      if (verdict.kind === 'parked') this.#parked.add(key);
      if (row === undefined) this.#settle(entry);
      else await this.#rowEnded(entry, row, verdict);
      if (row !== undefined || verdict.kind === 'parked') this.#feed.look();
      return undefined;
    } catch (error) {
      this.#options.log.warn('an event waits, and its key with it', {
        id: incoming.id,
        err: error,
      });
      return this.#again(entry, { delayMs: afterFaultMs, error });
    }
  }

  /** The lane waits for the event, unless it is somebody else's from now on. */
  #again(entry: Entry, { delayMs, error }: { delayMs: number; error?: unknown }): Again {
    const lost = error !== undefined && blame(error) === 'nobody';
    if (lost || this.#over || this.#stop.signal.aborted) {
      this.#giveBack(entry);
      return undefined;
    }
    const { delivery } = entry.incoming;
    const next = { ...delivery, deliveries: delivery.deliveries + 1 };
    entry.incoming = { ...entry.incoming, delivery: next };
    return { againMs: delayMs };
  }

  /** The parked keys are known: from now on it can be said what must wait behind them. */
  #begin(keys: readonly string[]): void {
    for (const key of keys) this.#parked.add(key);
    this.#begun = true;
    for (const delivery of this.#early.splice(0)) this.#onDelivery(delivery);
  }

  #onDelivery(delivery: Delivery): void {
    if (!this.#begun) {
      this.#early.push(delivery);
      return;
    }
    if (this.#over) {
      // Not at once: until this place is closed it would come here again, as fast as the bus can.
      delivery.nak(afterFaultMs);
      return;
    }
    const { sequence } = delivery;
    const entry = this.#entry(delivery, undefined);
    const inHand = this.#inHand.get(sequence);
    if (inHand?.incoming.id === entry.incoming.id) {
      inHand.copies.push(delivery);
    } else if (sequence <= this.#highest) {
      // Settled here, and the bus did not hear it.
      delivery.ack();
    } else {
      this.#inHand.set(sequence, entry);
      this.#options.add(this.#laneOf(entry.incoming), entry);
    }
    this.#highest = Math.max(this.#highest, sequence);
  }

  #onRow(row: ParkedRow): void {
    this.#rowsInHand.add(row.id);
    this.#parked.add(row.event_key);
    const quiet = (): void => undefined;
    const delivery = { ...messageOf(row), ack: quiet, nak: quiet, working: quiet };
    const entry = this.#entry(delivery, row);
    this.#options.add(this.#laneOf(entry.incoming), entry);
  }

  #entry(delivery: Delivery, row: ParkedRow | undefined): Entry {
    const { fence, random } = this.#options;
    const parked = row !== undefined;
    const stop = this.#stop.signal;
    return {
      place: this,
      incoming: incomingOf(delivery, { parked, fence, random, stop }),
      row,
      copies: [],
    };
  }

  #laneOf(incoming: Incoming): string {
    return `${this.#options.place}/${keyOf(incoming)}`;
  }

  async #parkBehind(entry: Entry): Promise<Again> {
    const { store, fence, consumer } = this.#options;
    const { id: eventId, delivery: message, envelope } = entry.incoming;
    await store.grouped(async (tx) => {
      await fence.check(eventTables(tx));
      await parkBehind(tx, { consumer, eventId, key: envelope?.key ?? '', message });
    }, this.#stop.signal);
    this.#settle(entry);
    return undefined;
  }

  /** A row is over or waits anew; when it was the last of its key, the key goes on. */
  async #rowEnded({ incoming }: Entry, row: ParkedRow, verdict: Verdict): Promise<void> {
    const { lot, parkedKeys, place } = this.#options;
    if (verdict.kind === 'ack' && verdict.outcome === 'skipped') await lot.forget(row.id);
    this.#rowsInHand.delete(row.id);
    if (verdict.kind === 'parked') return;
    const key = keyOf(incoming);
    // Only this lane adds rows of this key, so what is seen here stays so until the lane goes on.
    if ((await parkedKeys.keys(place, key)).length === 0) this.#parked.delete(key);
  }

  #settle({ incoming, copies }: Entry): void {
    this.#inHand.delete(incoming.delivery.sequence);
    for (const delivery of [incoming.delivery, ...copies]) delivery.ack();
  }

  #giveBack({ incoming, copies, row }: Entry): void {
    this.#over = true;
    if (row !== undefined) {
      this.#rowsInHand.delete(row.id);
      return;
    }
    this.#inHand.delete(incoming.delivery.sequence);
    for (const delivery of [incoming.delivery, ...copies]) delivery.nak();
  }

  /** What waits in its lane is worked on too, as the bus sees it. */
  #heartbeat(): () => void {
    const { clock, ackWaitMs } = this.#options;
    let cancel = (): void => undefined;
    const beat = (): void => {
      for (const { incoming } of this.#inHand.values()) incoming.delivery.working();
      cancel = clock.after(ackWaitMs / 3, beat);
    };
    cancel = clock.after(ackWaitMs / 3, beat);
    return () => cancel();
  }
}

function keyOf({ envelope }: Incoming): string {
  return encodeValue(envelope?.key ?? '');
}
