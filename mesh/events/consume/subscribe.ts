import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { checkToken } from '../../kernel/names.ts';
import type { Random } from '../../kernel/random.ts';
import type { Image } from '../../schema/image.ts';
import type { Store } from '../../store/store.ts';
import type { EventMetrics } from '../../telemetry/event-meters.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { checkExchange } from '../ask/exchange.ts';
import { type Bus, type Channel, type Delivery, defaultAckWaitMs } from '../bus/bus.ts';
import { filterOf, placeOf, type Route } from '../bus/subject.ts';
import { eventOptions } from '../outbox/publish.ts';
import type { Write } from '../outbox/write.ts';
import type { Consume } from './consume.ts';
import type { OnDead } from './counted.ts';
import type { Effects } from './effect.ts';
import { createGate } from './gate.ts';
import type { EventHandler, Handler, RepeatableHandler } from './handler.ts';
import { createInbox } from './inbox.ts';
import { createOrderedIntake, type Place } from './ordered-intake.ts';
import { createParkedKeys } from './parked-keys.ts';
import { createParkingLot } from './parking-lot.ts';
import { createSharedIntake, type SharedIntakeOptions, tell } from './shared-intake.ts';
import { consumerStack } from './stack.ts';
import { createSubscription, type Subscription } from './subscription.ts';
import { createTimeLimits } from './time-limits.ts';

/** Who hears what a consumer takes; no two for one type. */
export type Hearing<DB> =
  | { readonly inbox?: true; readonly handlers: readonly EventHandler<DB>[] }
  | { readonly inbox: false; readonly handlers: readonly RepeatableHandler[] };

/** Numbers of a consumer; the defaults are meant to be kept. */
export interface ConsumerTuning {
  /** Most handlers of this process at a time. Default 16; 1 keeps the order as long as nothing fails. */
  readonly concurrency?: number;
  /** Longest run of a handler, once its transaction has begun, in ms. Default 30 000. */
  readonly handlerTimeoutMs?: number;
  /** Failures of a message, by its own fault, until it becomes a dead letter. Default 5. */
  readonly maxDeliveries?: number;
  /** The wait after the first failure, in ms; it doubles up to 60 s. Default 1000. */
  readonly retryMs?: number;
  /** The first pause when the world is at fault, in ms; it doubles up to 30 s. Default 1000. */
  readonly pauseMs?: number;
  /** Silence after which an event comes again, in ms. Default 30 000. */
  readonly ackWaitMs?: number;
  /**
   * Whether the events of a key are handled one after another, in the order in which they were published, also
   * past failures: while one waits to be tried again, the later ones of its key wait behind it, and others go
   * on. Each channel, or each of its partitions, is then worked on by one process of the consumer at a time.
   * Default: true where a channel has partitions, else false.
   */
  readonly ordered?: boolean;
  /**
   * Ordered consumers: what becomes of a key when one of its events has failed for the last time. "go-on"
   * (default): its later events are handled. "park-key": they wait until the dead letter is replayed, and come
   * after it, or dropped.
   */
  readonly onDead?: OnDead;
  /** Ordered consumers: how long what a silent process holds stays with it, in ms. Default 5000. */
  readonly leaseMs?: number;
  /** Where a consumer that is new begins: with all events that are kept (default), or with those that come. */
  readonly from?: 'start' | 'now';
}

/** What all consumers of a service share. */
export interface SubscribeParts<DB> {
  /** The name of the service. */
  readonly source: string;
  readonly image: Image;
  readonly store: Store<DB>;
  readonly bus: Bus;
  /** Writes into the outbox: replies leave this way. */
  readonly write: Write<DB>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spans: SpanSink;
  readonly metrics: EventMetrics;
}

// How long `close` waits for handlers that run.
const drainMs = 10_000;
const longestRetryMs = 60_000;
const longestPauseMs = 30_000;

/** Hears what the schema says of the types of its handlers. */
export function openSubscription<DB>(
  parts: SubscribeParts<DB>,
  options: Hearing<DB> & ConsumerTuning & { readonly consumer: string },
): Subscription {
  const { consumer } = options;
  for (const { typeName, exchange } of options.handlers) {
    checkOwner(parts, typeName, consumer);
    if (exchange !== undefined) checkExchange(parts.image, exchange);
  }
  const effects: Effects<DB> =
    options.inbox === false
      ? { remembers: false, handlers: byType(options.handlers) }
      : { remembers: true, handlers: byType(options.handlers) };
  const routes = options.handlers.map(({ typeName }) => ({
    typeName,
    event: eventOptions(parts.image, typeName),
  }));
  const { ordered = routes.some(({ event }) => event.partitions > 0) } = options;
  const channels = channelsOf(routes);
  const places = ordered ? placesOf(routes, consumer) : undefined;
  return openConsumer(parts, options, { ...effects, consumer, channels, places }).subscription;
}

/** What a consumer takes, and who handles it. */
export type Taken<DB> = Effects<DB> &
  Pick<SharedIntakeOptions, 'consumer' | 'channels'> & {
    /** Undefined: in no order. */
    readonly places: readonly Place[] | undefined;
  };

/** Builds the stack of a consumer and begins to feed it; what comes from elsewhere may go through it too. */
export function openConsumer<DB>(
  parts: SubscribeParts<DB>,
  tuning: ConsumerTuning,
  taken: Taken<DB>,
): { readonly subscription: Subscription; readonly consume: Consume } {
  const { concurrency = 16, handlerTimeoutMs = 30_000, maxDeliveries = 5 } = tuning;
  const { retryMs = 1_000, pauseMs = 1_000, from = 'start' } = tuning;
  const { ackWaitMs = defaultAckWaitMs, leaseMs = 5_000, onDead = 'go-on' } = tuning;
  const { store, clock, random } = parts;
  const { channels, places } = taken;
  const consumer = checkToken(taken.consumer, 'a consumer');
  const log = parts.log.child({ consumer });
  const pause = { firstMs: pauseMs, longestMs: longestPauseMs };
  const gate = createGate({ pause, clock, random, log });
  const lot = createParkingLot(store, consumer, clock);
  const limits = createTimeLimits(clock);
  const shared = { ...parts, consumer, running: new Set<Delivery>(), gate, limits, log };
  const consume = consumerStack<DB>({
    ...{ ...shared, ...taken },
    ...{ maxDeliveries, handlerTimeoutMs, onDead: places && onDead },
    filters: new Set([...channels.values()].flatMap(({ subjects }) => subjects)),
    inbox: createInbox(store, consumer, clock),
    retry: { firstMs: retryMs, longestMs: longestRetryMs },
  });
  const subscription = createSubscription({
    ...{ ...shared, lot, ackWaitMs, drainMs },
    intake: (stop) => {
      const intake = { ...shared, from, concurrency, ackWaitMs, consume, stop };
      if (places === undefined) return createSharedIntake({ ...intake, channels, lot });
      const parkedKeys = createParkedKeys(store, consumer, clock);
      return createOrderedIntake({ ...intake, places, leaseMs, lot, parkedKeys });
    },
  });
  return {
    subscription,
    async consume(incoming) {
      const verdict = await consume(incoming);
      tell(incoming.delivery, verdict);
      return verdict;
    },
  };
}

function byType<H extends Handler<never>>(handlers: readonly H[]): Map<string, H> {
  const map = new Map(handlers.map((handler) => [handler.typeName, handler]));
  if (map.size > 0 && map.size === handlers.length) return map;
  const names = handlers.map(({ typeName }) => typeName).join(', ');
  throw new MeshError(
    `a consumer needs handlers, one for each type of event; these are for: ${names || 'nothing'}`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_HANDLERS' },
  );
}

/**
 * A command is handled by the one service that its channel belongs to, under one durable name: two names would
 * not compete, and every command would be handled twice.
 */
function checkOwner<DB>(
  { image, source }: SubscribeParts<DB>,
  typeName: string,
  consumer: string,
): void {
  const { owner } = eventOptions(image, typeName);
  if (owner === undefined || (owner === source && owner === consumer)) return;
  if (owner === source) {
    throw new MeshError(
      `${typeName} is a command: of ${owner} the consumer "${owner}" handles it, and not "${consumer}", so that its instances compete`,
      { status: 'INVALID_ARGUMENT', reason: 'NOT_THE_OWNER' },
    );
  }
  throw new MeshError(
    `${typeName} is a command to ${owner}, and ${source} is not: hear the events of ${owner} instead, or change the owner in the schema`,
    { status: 'INVALID_ARGUMENT', reason: 'NOT_THE_OWNER' },
  );
}

/** A type of event, and how it travels. */
interface Routed {
  readonly typeName: string;
  readonly event: Route;
}

/** The channels of some types of events, each with the subjects wanted. */
function channelsOf(
  routes: readonly Routed[],
): Map<string, { channel: Channel; subjects: readonly string[] }> {
  const channels = new Map<string, { channel: Channel; subjects: readonly string[] }>();
  for (const { typeName, event } of routes) {
    const { channel } = event;
    const subjects = channels.get(channel)?.subjects ?? [];
    const wanted = new Set([...subjects, filterOf(event, typeName)]);
    channels.set(channel, { channel: { name: channel }, subjects: [...wanted] });
  }
  return channels;
}

/** The places of their channels: one for each partition, each with a durable consumer of its own. */
function placesOf(routes: readonly Routed[], consumer: string): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { typeName, event } of routes) {
    for (let partition = 0; partition < Math.max(1, event.partitions); partition++) {
      const subject = filterOf(event, typeName, partition);
      const name = placeOf(subject);
      const subjects = [...(places.get(name)?.subjects ?? []), subject];
      const durable = event.partitions > 0 ? `${consumer}-p${String(partition)}` : consumer;
      places.set(name, { name, channel: { name: event.channel }, subjects, durable });
    }
  }
  return [...places.values()];
}
