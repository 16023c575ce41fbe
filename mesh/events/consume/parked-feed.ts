import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import type { Delivery } from '../bus/bus.ts';
import { createLookout, type Lookout } from './lookout.ts';
import { messageOf, type ParkedRow } from './parked.ts';
import type { ParkingLot } from './parking-lot.ts';

/** Brings back what is parked when it is due; told to look when there is room again, or something was parked. */
export interface ParkedFeed extends Lookout {
  /** The row is over, or was parked anew. `forget`: it is still there, for nothing. */
  settled(delivery: Delivery, forget: boolean): void;
}

export interface ParkedFeedOptions {
  readonly lot: ParkingLot;
  /** How many more there is room for. */
  readonly room: () => number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** How long a row stays in hand unless it is said again, in ms. */
  readonly holdMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// What another process parked, replayed or left behind is found by this look, at the latest. It costs next to
// nothing: it looks into an index that is mostly empty.
const idleMs = 1_000;
const contendedMs = 50;

/** Looks when the next row is due, and takes no more rows than there is room for: memory is bounded. */
export function createParkedFeed(options: ParkedFeedOptions): ParkedFeed {
  const { lot, room, onDelivery, holdMs, clock, random, log } = options;
  const inHand = new Map<Delivery, number>();

  const look = async (): Promise<number> => {
    if (room() <= 0) return idleMs;
    const dueMs = await lot.nextDueMs();
    const nowMs = clock.now();
    if (dueMs === undefined || dueMs > nowMs) return Math.min(idleMs, (dueMs ?? Infinity) - nowMs);
    // What is in hand is not taken again, though its hold may be over, or it is being parked anew.
    const rows = await lot.take(room(), holdMs, [...inHand.values()]);
    for (const row of rows) {
      const delivery = deliveryOf(row, { lot, inHand, holdMs, clock, log });
      inHand.set(delivery, row.id);
      onDelivery(delivery);
    }
    // Others were faster, or are about to let go.
    return rows.length === 0 ? contendedMs : 0;
  };
  const afterFaultMs = (): number => jitter(idleMs, 0.2, random);
  return {
    ...createLookout({ look, afterFaultMs, clock, log }),
    settled(delivery, forget) {
      const id = inHand.get(delivery);
      inHand.delete(delivery);
      if (id === undefined || !forget) return;
      lot.forget(id).catch((err: unknown) => {
        log.debug('a parked event stays for now; it comes again', { err });
      });
    },
  };
}

interface Hand {
  readonly lot: ParkingLot;
  readonly inHand: Map<Delivery, number>;
  readonly holdMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A row as a delivery. What ends it ends the row in the same transaction, so its `ack` has nothing to do. */
function deliveryOf(row: ParkedRow, { lot, inHand, holdMs, clock, log }: Hand): Delivery {
  const quietly = (work: Promise<void>): void => {
    // Not to have said it costs a wait: the row is free when its time in hand is over.
    work.catch((err: unknown) => {
      log.debug('a parked event could not be let go of', { err });
    });
  };
  const delivery: Delivery = {
    ...messageOf(row),
    ack: () => undefined,
    nak(delayMs = 0) {
      inHand.delete(delivery);
      quietly(lot.release(row.id, clock.now() + delayMs));
    },
    working() {
      quietly(lot.keep([row.id], holdMs));
    },
  };
  return delivery;
}
