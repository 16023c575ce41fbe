import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import type { Bus, Consumption } from '../events/bus/bus.ts';
import type { OnDead } from '../events/consume/counted.ts';
import type { DeadLetter } from '../events/dead-letters/letter.ts';
import type { Weather } from './model-bus.ts';
import type { Crash } from './model-life.ts';

/** How the one consumer of the model hears. */
export type Hearing =
  | { readonly ordered: false }
  | {
      readonly ordered: true;
      readonly onDead: OnDead;
      /** The first wait after a failure: up to a second in the lane of its key, beyond that parked. */
      readonly retryMs: number;
    };

/** One thing that happens to a service with two processes, their database and the broker. */
export type Step =
  /** The transactions of those who publish: one at a time, for a key each event. */
  | { readonly kind: 'begin' | 'commit' | 'abort' }
  | { readonly kind: 'publish'; readonly key: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'crash'; readonly process: number; readonly crash: Crash }
  | { readonly kind: 'broker'; readonly down: boolean }
  | { readonly kind: 'sending'; readonly fault: Weather['publish'][number] }
  | { readonly kind: 'delivering'; readonly fault: Weather['delivery'][number] }
  | { readonly kind: 'handling'; readonly fault: 'fine' | 'throws' | 'outage' }
  /** A process closes its consumer and its relay, and a new one takes its place; or it stops, and goes on later. */
  | { readonly kind: 'leave'; readonly process: number }
  | { readonly kind: 'sleep'; readonly process: number; readonly ms: number }
  /** A person gives all dead letters back, or drops them. */
  | { readonly kind: 'replay' | 'drop' };

/** What a person would find at the end. */
export interface Ending {
  /** What was committed, in the order of the commits: labels by key. */
  readonly committed: ReadonlyMap<string, readonly string[]>;
  /** The same as the channel holds it: where each one stands for the first time. */
  readonly channel: ReadonlyMap<string, readonly string[]>;
  /** The effects, as they were had: labels by key; one that was had twice is there twice. */
  readonly effects: ReadonlyMap<string, readonly string[]>;
  /** The dead letters by label. */
  readonly letters: ReadonlyMap<string, Pick<DeadLetter, 'state' | 'replays'>>;
  /** The labels of those that were dropped. */
  readonly dropped: ReadonlySet<string>;
  /** The effects when all that was dead then has been given back, to handlers that do not fail any more. */
  readonly healed: ReadonlyMap<string, readonly string[]>;
}

/** An event by its label, and the key that orders it. */
export interface Labelled {
  readonly key: string;
  readonly label: string;
}

/** Reads what the channel of the model holds, each event where it stands for the first time. */
export function readChannel(bus: Bus): Consumption & { readonly seen: readonly Labelled[] } {
  const seen: Labelled[] = [];
  const reading = bus.consume({
    ...{ channel: { name: 'shop-orders' }, consumer: 'reader' },
    ...{ subjects: ['shop-orders.OrderConfirmed', 'shop-orders.*.OrderConfirmed'] },
    maxInFlight: 10_000,
    onDelivery(delivery) {
      const { orderId, customerId } = OrderConfirmed.decode(delivery.data);
      if (!seen.some(({ label }) => label === customerId)) {
        seen.push({ key: orderId, label: customerId });
      }
      delivery.ack();
    },
  });
  return { state: reading.state, close: () => reading.close(), seen };
}

export function byKey(events: readonly Labelled[]): ReadonlyMap<string, readonly string[]> {
  const groups = [...Map.groupBy(events, ({ key }) => key)];
  return new Map(groups.sort().map(([key, group]) => [key, group.map(({ label }) => label)]));
}
