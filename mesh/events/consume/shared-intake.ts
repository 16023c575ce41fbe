import type { Clock } from '../../kernel/clock.ts';
import { childTrace } from '../../kernel/context.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { Bus, Channel, Delivery } from '../bus/bus.ts';
import { channelOf } from '../bus/subject.ts';
import { receive } from '../received.ts';
import type { Consume, Fence, Incoming, Verdict } from './consume.ts';
import { createParkedFeed } from './parked-feed.ts';
import type { ParkingLot } from './parking-lot.ts';
import type { Intake } from './subscription.ts';

export interface SharedIntakeOptions {
  readonly bus: Bus;
  readonly consumer: string;
  readonly channels: ReadonlyMap<string, { channel: Channel; subjects: readonly string[] }>;
  readonly from: 'start' | 'now';
  /** Most handlers at a time. */
  readonly concurrency: number;
  readonly ackWaitMs: number;
  readonly lot: ParkingLot;
  readonly consume: Consume;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Events that all processes of a consumer share, in no order. Feeds what the bus delivers, and what is parked
 * and due, to the stack, `concurrency` at a time; as many more are fetched ahead, so that a free handler never
 * waits for the network, and no more, because they wait here while other instances may be idle.
 */
export function createSharedIntake(options: SharedIntakeOptions): Intake {
  const { bus, consumer, channels, from, concurrency, ackWaitMs } = options;
  const ahead: Delivery[] = [];
  const parked = new Set<Delivery>();
  const handling = new Set<Promise<void>>();
  let closing = false;

  const handle = async (delivery: Delivery): Promise<void> => {
    const isParked = parked.has(delivery);
    const incoming = incomingOf(delivery, { ...options, parked: isParked, fence: undefined });
    const verdict = await options.consume(incoming);
    tell(delivery, verdict);
    parked.delete(delivery);
    if (isParked) feed.settled(delivery, verdict.kind === 'ack' && verdict.outcome === 'skipped');
    if (isParked || verdict.kind === 'parked') feed.look();
  };
  const next = (): void => {
    // Nobody would wait for a handler that begins now: what is still brought is somebody else's.
    if (closing) for (const delivery of ahead.splice(0)) delivery.nak();
    while (handling.size < concurrency) {
      const delivery = ahead.shift();
      if (delivery === undefined) return;
      const tracked = handle(delivery).finally(() => {
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
  const feed = createParkedFeed({
    ...options,
    room: () => concurrency - parked.size,
    holdMs: ackWaitMs,
    onDelivery(delivery) {
      parked.add(delivery);
      ahead.push(delivery);
      next();
    },
  });
  return {
    get isConsuming() {
      return consumptions.every(({ state }) => state === 'consuming');
    },
    async close() {
      closing = true;
      const closed = [feed.close(), ...consumptions.map((each) => each.close())];
      next();
      await Promise.all(closed);
      await Promise.all(handling);
    },
  };
}

/** Tells whoever brought it what becomes of a delivery. */
export function tell(delivery: Delivery, verdict: Verdict): void {
  if (verdict.kind === 'nak') delivery.nak(verdict.delayMs);
  else delivery.ack();
}

/** A delivery as the stack wants it. */
export function incomingOf(
  delivery: Delivery,
  of: Pick<SharedIntakeOptions, 'random' | 'stop'> & {
    readonly parked: boolean;
    readonly fence: Fence | undefined;
  },
): Incoming {
  const { envelope, body } = receive(delivery);
  // Without an id of its own a message is still known by its place.
  const place = `${channelOf(delivery.subject)}/${String(delivery.sequence)}`;
  return {
    ...{ delivery, envelope, body },
    id: envelope?.id ?? place,
    parked: of.parked,
    fence: of.fence,
    trace: childTrace(envelope?.trace, of.random),
    signal: of.stop,
  };
}
