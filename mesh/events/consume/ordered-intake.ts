import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { Store } from '../../store/store.ts';
import type { Bus, Channel } from '../bus/bus.ts';
import type { Lease } from '../outbox/lease.ts';
import { createAssignment } from './assignment.ts';
import type { Consume } from './consume.ts';
import { createLanes } from './lanes.ts';
import { createOrderedPlace, type Entry, type OrderedPlace } from './ordered-place.ts';
import type { ParkedKeys } from './parked-keys.ts';
import type { ParkingLot } from './parking-lot.ts';
import type { Intake } from './subscription.ts';

/** A part of what a consumer takes that is in order by itself: a channel, or one of its partitions. */
export interface Place {
  /** As `placeOf` gives it. */
  readonly name: string;
  readonly channel: Channel;
  readonly subjects: readonly string[];
  /** The name of its durable consumer. */
  readonly durable: string;
}

export interface OrderedIntakeOptions<DB> {
  readonly bus: Bus;
  readonly store: Store<DB>;
  readonly consumer: string;
  readonly places: readonly Place[];
  readonly from: 'start' | 'now';
  /** Most handlers at a time, over all places. */
  readonly concurrency: number;
  readonly ackWaitMs: number;
  readonly leaseMs: number;
  readonly lot: Pick<ParkingLot, 'forget'>;
  readonly parkedKeys: ParkedKeys;
  readonly consume: Consume;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const leastInFlight = 32;

/**
 * Events in the order of their keys: each place is worked on by one process of the consumer at a time, and in
 * it each key has a lane of its own. So what fails holds up its key and nothing else.
 */
export function createOrderedIntake<DB>(options: OrderedIntakeOptions<DB>): Intake {
  const { bus, places, from, concurrency, ackWaitMs, clock } = options;
  // As many ahead as run, over all places; a process that holds one of many shall not wait for the network.
  const maxInFlight = Math.max(leastInFlight, Math.ceil((2 * concurrency) / places.length));
  const byName = new Map(places.map((place) => [place.name, place]));
  const working = new Set<OrderedPlace>();
  const lanes = createLanes<Entry>({
    slots: concurrency,
    run: (entry) => entry.place.run(entry),
    clock,
  });
  const begin = (name: string, lease: Lease): OrderedPlace => {
    const { channel, subjects, durable } = byName.get(name) ?? unknownPlace(name);
    const place: OrderedPlace = createOrderedPlace({
      ...{ ...options, place: name, fence: lease, mostParked: concurrency },
      consumeFrom: (on) =>
        bus.consume({
          ...{ channel, consumer: durable, subjects, from, ackWaitMs, ...on },
          ...{ ordered: true, maxInFlight },
        }),
      add: (lane, entry) => lanes.add(lane, entry),
      remove: (which) => lanes.remove((entry) => entry.place === which),
    });
    working.add(place);
    return {
      consumption: place.consumption,
      run: (entry) => place.run(entry),
      async close() {
        await place.close();
        working.delete(place);
      },
      async abandon() {
        await place.abandon();
        working.delete(place);
      },
    };
  };
  const assignment = createAssignment({
    ...options,
    places: [...byName.keys()],
    onTaken: begin,
  });
  return {
    get isConsuming() {
      return [...working].every(({ consumption }) => consumption.state === 'consuming');
    },
    close: () => assignment.close(),
  };
}

function unknownPlace(name: string): never {
  throw new Error(`this consumer has no place ${name}`);
}
