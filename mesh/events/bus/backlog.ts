/** What the broker keeps of one channel, and how far its consumers are. */
export interface ChannelBacklog {
  readonly channel: string;
  /** Messages that are kept. */
  readonly messages: number;
  readonly consumers: readonly ConsumerBacklog[];
}

/** One durable consumer of a channel. */
export interface ConsumerBacklog {
  readonly consumer: string;
  /** Messages that were not delivered to it yet: how far it lags behind. */
  readonly pending: number;
  /** Delivered, and not acked yet. */
  readonly unacked: number;
}

/** Asks the broker what waits. */
export interface BacklogView {
  /** All channels by name; throws UNAVAILABLE / BROKER_UNAVAILABLE while the broker is away. */
  read(): Promise<readonly ChannelBacklog[]>;
  close(): Promise<void>;
}
