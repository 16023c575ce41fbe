import type { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';

/** Headers of a message: lower-case names, values without line breaks. */
export type Headers = Readonly<Record<string, string>>;

/** A channel keeps, for a while, what was published on the subjects "<name>.>", see subject.ts. */
export interface Channel {
  /** One token (kernel/names.ts), as "shop-orders". */
  readonly name: string;
  /** How long a message is kept, in ms; 0: forever. Default 7 days, where only the latest are kept 0. */
  readonly maxAgeMs?: number;
  /** "latest": of each subject only the newest message, however old it is. Default "all". */
  readonly keep?: 'all' | 'latest';
}

/** A message as it leaves. */
export interface Outgoing {
  readonly channel: string;
  /** "<channel>.<Type>" or "<channel>.<partition>.<Type>"; joined from checked tokens, see subject.ts. */
  readonly subject: string;
  /** Of two messages with one id, sent within 2 minutes, the channel keeps the first. */
  readonly id: string;
  readonly headers: Headers;
  readonly data: Uint8Array;
  /**
   * Of the messages of one channel and key in one call of `publish`, each is sent when the one before it is
   * stored, and not sent when that one was not. Default '': the message waits for no other.
   */
  readonly key?: string;
}

/** A channel as it stands at the broker. */
export interface ChannelState {
  /** Another one when the channel was made anew. */
  readonly identity: string;
  /** The place of the oldest message that is kept. */
  readonly firstSequence: number;
  /** The place that was given out last; 0 when none was. */
  readonly lastSequence: number;
}

/** What became of a message; `sequence` is its place in the channel. */
export type PublishOutcome =
  | { readonly stored: true; readonly sequence: number; readonly duplicate: boolean }
  | { readonly stored: false; readonly error: MeshError };

/** A message as it stands in its channel. */
export interface Stored {
  readonly subject: string;
  readonly headers: Headers;
  readonly data: Uint8Array;
  /** Its place in the channel. */
  readonly sequence: number;
}

/**
 * A message as it arrives. It belongs to the receiver until it is settled by the first call of `ack` or
 * `nak`; what nobody settles within the consumer's ackWaitMs is delivered again. Settling is sent and not
 * confirmed: when it is lost the message comes again, so effects must be guarded by the inbox.
 */
export interface Delivery extends Stored {
  /** 1 the first time. */
  readonly deliveries: number;
  /** Done: it never comes again. */
  ack(): void;
  /** Not done: it comes again after `delayMs` (default 0: at once), here or elsewhere. */
  nak(delayMs?: number): void;
  /** Still at it: the ackWaitMs begin anew. */
  working(): void;
}

export interface ConsumeOptions {
  readonly channel: Channel;
  /** The durable name; consumptions of one name share the messages, wherever they run. One token. */
  readonly consumer: string;
  /** The subjects wanted; a token "*" stands for any one token. No two may match one subject. */
  readonly subjects: readonly string[];
  /** Most messages in the hands of this consumption: delivered, not yet settled. */
  readonly maxInFlight: number;
  /** Silence after which a message counts as lost and comes again, in ms. Default 30 000. */
  readonly ackWaitMs?: number;
  /** Where a consumer begins that never was before: with all that is kept (default), or with what comes. */
  readonly from?: 'start' | 'now';
  /**
   * Each time that deliveries begin, also after a cut, they begin with the oldest message that is not acked and
   * go on in the order of the channel, past what was delivered before. For a consumer with one consumption at a
   * time. Default false.
   */
  readonly ordered?: boolean;
  /** Called before the first delivery of each beginning. */
  onBegin?(): void;
  /** Called for each message, in order as far as nothing is redelivered. Must not throw. */
  onDelivery(delivery: Delivery): void;
}

/** A running consumption. `close` ends deliveries; what was delivered can still be settled afterwards. */
export interface Consumption extends Closeable {
  /** "waiting" while the broker, the channel or the consumer cannot be reached. */
  readonly state: 'waiting' | 'consuming' | 'closed';
}

/** A message as it is read. */
export interface ReadMessage extends Stored {
  /** One of its headers, which costs less than to look at all. */
  header(name: string): string | undefined;
}

export interface ReadOptions {
  readonly channel: Channel;
  /** As for a consumer. */
  readonly subjects: readonly string[];
  /** The place of the first message wanted, or "now": what comes. Default 1: all that is kept. */
  readonly from?: number | 'now';
  /** Most messages in the hands of the reader or under way to it. Default 1024. */
  readonly maxInFlight?: number;
  /** Called once for each message, in the order of the channel, whatever breaks meanwhile. Must not throw. */
  onMessage(message: ReadMessage): void;
  /** Called once: the reader was given all that stood in the channel. */
  onCaughtUp?(): void;
}

/** A running reading. Where it is, is known to the reader alone; nothing of it stays behind. */
export interface Reading extends Closeable {
  /** "waiting" while the broker or the channel cannot be reached. */
  readonly state: 'waiting' | 'reading' | 'closed';
  /** The reader has done with so many messages: as many more may come. */
  done(messages: number): void;
}

/**
 * Where events travel. A message that was stored is delivered to every consumer of its subject at least
 * once. Nothing here needs the broker to be up: `publish` and `ensureChannel` reject with UNAVAILABLE after
 * a short wait, a consumption waits and heals by itself (broker restarted, consumer deleted).
 * INVALID_ARGUMENT / INVALID_TOKEN for a name that is not a token.
 */
export interface Bus extends Closeable {
  /** Makes sure that the channel exists; one that exists keeps its settings. */
  ensureChannel(channel: Channel, signal?: AbortSignal): Promise<void>;
  /**
   * Sends all, those of one key in this order, and resolves when the fate of each is known; the outcomes have
   * the order of the messages. An outcome with UNAVAILABLE is open: the message may be stored, so send it
   * again with the same id. ABORTED/HELD_BACK was not sent: the one before it, of the same key, is not stored.
   * Rejects when nothing was sent; with UNAVAILABLE also when the epoch is no longer `epoch`.
   */
  publish(
    messages: readonly Outgoing[],
    signal?: AbortSignal,
    epoch?: number,
  ): Promise<readonly PublishOutcome[]>;
  /** What the broker says of a channel; undefined when there is no such channel. UNAVAILABLE as above. */
  inspect(channel: string, signal?: AbortSignal): Promise<ChannelState | undefined>;
  /** The id of the message at a place of a channel; undefined when nothing is there. */
  idAt(channel: string, sequence: number, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Grows with every connection to the broker, and when a channel was found missing: since then channels may
   * hold less than they did.
   */
  epoch(): number;
  /** Throws for names that are no tokens; everything else is dealt with in the background. */
  consume(options: ConsumeOptions): Consumption;
  /**
   * Reads a channel without a consumer: nothing is acked, nothing comes twice. Of a channel that was made anew,
   * or lost its newest messages, it reads what came since. Throws as `consume` does.
   */
  read(options: ReadOptions): Reading;
}

/** How long a channel keeps messages unless it says otherwise, in ms. */
export const defaultMaxAgeMs = 7 * 24 * 3600 * 1000;
/** In which a channel recognises a repeated id, in ms: the default of nats-server. */
export const duplicateWindowMs = 2 * 60 * 1000;
export const defaultAckWaitMs = 30_000;
export const defaultReadAhead = 1024;
