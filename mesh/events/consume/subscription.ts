import type { Clock } from '../../kernel/clock.ts';
import { childTrace } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Random } from '../../kernel/random.ts';
import type { Bus, Channel, Consumption, Delivery } from '../bus/bus.ts';
import { channelOf } from '../bus/subject.ts';
import { receive } from '../received.ts';
import type { Consume, Incoming } from './consume.ts';
import type { Gate, GateState } from './gate.ts';

/** A running consumer of this process. `close` stops fetching, finishes what runs and gives back the rest. */
export interface Subscription extends Closeable {
  readonly consumer: string;
  /** "waiting" while the bus cannot be reached, "paused" while an outage holds the handlers. */
  readonly state: 'consuming' | 'waiting' | 'paused' | 'closed';
}

export interface SubscriptionOptions {
  readonly bus: Bus;
  readonly consumer: string;
  readonly channels: ReadonlyMap<string, { channel: Channel; subjects: readonly string[] }>;
  readonly from: 'start' | 'now';
  /** Most handlers at a time. */
  readonly concurrency: number;
  readonly ackWaitMs: number;
  /** How long `close` waits for handlers that run before it aborts them. */
  readonly drainMs: number;
  readonly gate: Gate;
  /** Filled by the stack. */
  readonly running: ReadonlySet<Delivery>;
  readonly consume: Consume;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Feeds what the bus delivers to the stack, `concurrency` at a time; as many more are fetched ahead, so that
 * a free handler never waits for the network, and no more, because they wait here while other instances
 * may be idle.
 */
export function createSubscription(options: SubscriptionOptions): Subscription {
  const { bus, consumer, channels, from, concurrency, ackWaitMs, clock } = options;
  const stop = new AbortController();
  const ahead: Delivery[] = [];
  const handling = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  const next = (): void => {
    while (handling.size < concurrency) {
      const delivery = ahead.shift();
      if (delivery === undefined) return;
      const work = options.consume(incoming(delivery, options.random, stop.signal));
      const tracked = work.finally(() => {
        handling.delete(tracked);
        next();
      });
      handling.add(tracked);
    }
  };
  const consumptions = [...channels.values()].map(({ channel, subjects }) =>
    bus.consume({
      ...{ channel, consumer, subjects, from, ackWaitMs },
      maxInFlight: 2 * concurrency,
      onDelivery(delivery) {
        ahead.push(delivery);
        next();
      },
    }),
  );
  const stopHeartbeat = heartbeat(options.running, ackWaitMs / 3, clock);

  const close = async (): Promise<void> => {
    const closed = consumptions.map((each) => each.close());
    for (const delivery of ahead.splice(0)) delivery.nak();
    // Whoever waits for an outage to end would not finish in time anyway.
    const drainMs = options.gate.state.kind === 'open' ? options.drainMs : 0;
    const cancel = clock.after(drainMs, () => {
      stop.abort(new MeshError('the consumer is closing', { status: 'CANCELLED' }));
    });
    await Promise.all([...closed, ...handling]);
    cancel();
    stopHeartbeat();
    options.gate.close();
  };
  return {
    consumer,
    get state() {
      return closing ? 'closed' : stateOf(options.gate.state, consumptions);
    },
    close: () => (closing ??= close()),
  };
}

function stateOf(gate: GateState, consumptions: readonly Consumption[]): Subscription['state'] {
  if (gate.kind !== 'open') return 'paused';
  return consumptions.every(({ state }) => state === 'consuming') ? 'consuming' : 'waiting';
}

function incoming(delivery: Delivery, random: Random, signal: AbortSignal): Incoming {
  const { envelope, body } = receive(delivery);
  // Without an id of its own a message is still known by its place.
  const place = `${channelOf(delivery.subject)}/${String(delivery.sequence)}`;
  return {
    delivery,
    envelope,
    body,
    id: envelope?.id ?? place,
    trace: childTrace(envelope?.trace, random),
    signal,
  };
}

/** Tells the bus again and again which deliveries are being worked on: one timer, however many they are. */
function heartbeat(running: ReadonlySet<Delivery>, everyMs: number, clock: Clock): () => void {
  let cancel = (): void => undefined;
  const beat = (): void => {
    for (const delivery of running) delivery.working();
    cancel = clock.after(everyMs, beat);
  };
  cancel = clock.after(everyMs, beat);
  return () => {
    cancel();
  };
}
