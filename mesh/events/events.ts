import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { checkServiceName } from '../kernel/names.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import type { MessageType } from '../schema/definition.ts';
import type { Image } from '../schema/image.ts';
import { createValidator } from '../schema/validate.ts';
import type { Store } from '../store/store.ts';
import { type EventMetrics, noEventMetrics } from '../telemetry/event-meters.ts';
import { noSpans, type SpanSink } from '../telemetry/spans.ts';
import { type Asking, createAsking } from './ask/asking.ts';
import type { Bus, ChannelState } from './bus/bus.ts';
import { describedBus } from './bus/described.ts';
import { measuredBus } from './bus/measured.ts';
import { parkedByConsumer } from './consume/parking-lot.ts';
import type { Subscription } from './consume/subscription.ts';
import { createDeadLetters, type DeadLetters } from './dead-letters/dead-letters.ts';
import { createStoppedKeys, type StoppedKeys } from './dead-letters/stopped-keys.ts';
import { createOutbox, type Outbox } from './outbox/outbox.ts';
import {
  createPublish,
  createSend,
  eventOptions,
  type Publish,
  type Send,
} from './outbox/publish.ts';
import type { RelayState } from './outbox/relay.ts';
import type { OutboxState } from './outbox/state.ts';
import { createWrite } from './outbox/write.ts';
import { type EventReading, type ReadEventsOptions, readEvents } from './read/read.ts';
import { buildRelay, type RelayTuning } from './relaying.ts';
import { type SubscribeOptions, subscribe } from './subscribe.ts';

export interface EventsOptions<DB> {
  /** The compiled schema: which messages are events, where they travel, what they may hold. */
  readonly image: Image;
  /** Opened with `eventMigrations` among its migrations. */
  readonly store: Store<DB>;
  readonly bus: Bus;
  /** The name of the service, as "orders". */
  readonly source: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  readonly spans?: SpanSink;
  readonly metrics?: EventMetrics;
  readonly relay?: RelayTuning;
  /** How long a consumer remembers what it has done, in ms. Default 7 days, as long as channels keep events. */
  readonly inboxMs?: number;
  /** How long dead letters wait for a person, in ms. Default 30 days. */
  readonly lettersMs?: number;
}

/** The events of one service: what it says through its outbox, and what it hears with its inbox. */
export interface Events<DB> extends Asking<DB>, Closeable {
  /**
   * Publishes an event or a document if, and only if, `tx` commits; resolves with its id. Needs no broker:
   * the message waits in the outbox as long as it must. INVALID_ARGUMENT: NOT_AN_EVENT, EVENT_TOO_LARGE, or
   * INVALID_FIELDS with every field at fault.
   */
  readonly publish: Publish<DB>;
  /** Sends a command to the service that owns its channel; else as `publish`. INVALID_ARGUMENT: NOT_A_COMMAND. */
  readonly send: Send<DB>;
  /**
   * Hears events: each one has its effect once, whatever is delivered twice. Resolves at once; the broker
   * may be down and come later. Throws INVALID_ARGUMENT for a consumer or handlers that cannot be.
   */
  subscribe(options: SubscribeOptions<DB>): Promise<Subscription>;
  /**
   * Reads a channel in its order, as a projection or somebody who looks on does: without a consumer, so nothing
   * is acked, nothing stays behind, and the reader alone knows its place. INVALID_ARGUMENT for readers of
   * several channels. Whoever must do something once for each event subscribes.
   */
  read(options: ReadEventsOptions): EventReading;
  /** How the channel of a type stands at the broker; undefined before its first message. */
  channelOf(
    type: Pick<MessageType, '$type'>,
    signal?: AbortSignal,
  ): Promise<ChannelState | undefined>;
  /** Begins to send what stands in the outbox; never throws. */
  start(): void;
  /** The consumers of this process. */
  readonly subscriptions: readonly Subscription[];
  /** What the relay of this process is at. */
  readonly relay: RelayState;
  /** What the consumers that keep their inbox in this database gave up. */
  readonly deadLetters: DeadLetters;
  /** The keys of these consumers that stand still for something that was given up. */
  readonly stoppedKeys: StoppedKeys;
  /** What waits in the outbox, in all processes that share it. */
  outbox(): Promise<OutboxState>;
  /** How many messages this process has sent again because the broker no longer held them. */
  readonly resent: number;
  /** How many events wait in the database to be tried again, by consumer, in all processes that share it. */
  parked(): Promise<ReadonlyMap<string, number>>;
  /** Stops fetching, finishes handlers (at most 10 s), gives back the rest, sends what is left (at most 2 s). */
  close(): Promise<void>;
}

const flushMs = 2_000;
const day = 24 * 3600 * 1000;

/** Joins outbox, relay, bus and inbox for one service. The bus is the caller's to close, after this. */
export function createEvents<DB>(options: EventsOptions<DB>): Events<DB> {
  const { image, store } = options;
  const { clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { spans = noSpans, metrics = noEventMetrics } = options;
  const ports = { clock, random, log, spans, metrics };
  const source = checkServiceName(options.source);
  const bus = describedBus(measuredBus(options.bus, metrics), image);
  const outbox: Outbox<DB> = createOutbox({ store, ...ports, onWritten: () => relay.wake() });
  let resent = 0;
  const onMissing = (messages: number): void => {
    resent += messages;
  };
  const { relay: tuning = {}, inboxMs = 7 * day, lettersMs = 30 * day } = options;
  const retention = { handledMs: inboxMs, lettersMs };
  const parted = { store, bus, source, outbox, tuning, retention, ...ports, onMissing };
  const relay = buildRelay(parted);
  const validator = createValidator(image);
  const write = createWrite({ validator, source, store, outbox, ...ports });
  const parts = { source, image, store, bus, write, ...ports };
  const { listen, close: closeReplies, ...asking } = createAsking(parts);
  const subscriptions: Subscription[] = [];
  const readings = new Set<EventReading>();
  return {
    ...asking,
    subscriptions,
    publish: createPublish({ image, write }),
    send: createSend({ image, write }),
    async subscribe(wanted) {
      const subscription = subscribe(parts, { listen }, wanted);
      subscriptions.push(subscription);
      return subscription;
    },
    read(wanted) {
      const reading = readEvents({ bus, image }, wanted);
      readings.add(reading);
      void reading.ended.catch(() => undefined).then(() => readings.delete(reading));
      return reading;
    },
    channelOf: ({ $type }, signal) => bus.inspect(eventOptions(image, $type).channel, signal),
    start() {
      relay.start();
    },
    get relay() {
      return relay.state;
    },
    deadLetters: createDeadLetters({ store, clock }),
    stoppedKeys: createStoppedKeys({ store, clock }),
    outbox: () => outbox.state(),
    parked: () => parkedByConsumer(store),
    get resent() {
      return resent;
    },
    async close() {
      // The relay last: handlers that finish may have published.
      const open = [...subscriptions, ...readings];
      await Promise.all([closeReplies(), ...open.map((each) => each.close())]);
      await relay.close(flushMs);
    },
  };
}
