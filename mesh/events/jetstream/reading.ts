import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  type Msg,
  type NatsConnection,
  nanos,
} from 'nats';
import {
  type ChannelState,
  defaultReadAhead,
  type Headers,
  type Reading,
  type ReadMessage,
  type ReadOptions,
} from '../bus/bus.ts';
import type { ConsumptionPorts } from './consumption.ts';
import { placeOf } from './delivery.ts';
import { type LazyHeaders, lazyHeaders } from './headers.ts';
import { createPullLoop } from './pull-loop.ts';

export interface ReadingPorts extends ConsumptionPorts {
  readonly inspect: (channel: string, signal: AbortSignal) => Promise<ChannelState | undefined>;
}

/** After so long without a request the server forgets the consumer of a reader that was killed. */
const forgottenAfterMs = 30_000;

/**
 * A reading is a consumer of the server's memory that acks nothing and is made anew, from where the reader is,
 * whenever something breaks.
 */
export function createReading(
  ports: ReadingPorts,
  wanted: ReadOptions,
  onClosed: () => void,
): Reading {
  const { streams, requestTimeoutMs: timeout, inspect } = ports;
  const { channel, maxInFlight = defaultReadAhead } = wanted;
  const place = createPlace(wanted.from ?? 1);
  let caughtUp = false;
  const arrived = (): void => {
    if (!caughtUp) wanted.onCaughtUp?.();
    caughtUp = true;
  };
  const prepare = async (connection: NatsConnection, signal: AbortSignal): Promise<string> => {
    await streams.ensure(channel, signal);
    const state = await inspect(channel.name, signal);
    if (state === undefined) {
      streams.forget(channel.name);
      throw new Error(`the stream ${channel.name} is gone`);
    }
    const { consumers } = await connection.jetstreamManager({ checkAPI: false, timeout });
    const config = configOf(wanted, place.begin(state));
    const info: ConsumerInfo = await consumers.add(channel.name, config);
    if (info.num_pending === 0) arrived();
    return info.name;
  };
  const loop = createPullLoop(ports, {
    ...{ channel: channel.name, what: 'a reading', maxInFlight, onClosed, prepare },
    async onEnd(connection, consumer) {
      const { consumers } = await connection.jetstreamManager({ checkAPI: false, timeout });
      await consumers.delete(channel.name, consumer);
    },
    onMessage(msg, session) {
      const { sequence, nth, pending } = placeOf(msg.reply ?? '');
      // One that was lost on the way is not sent again to who acks nothing.
      const isNext = nth === session.delivered;
      if (!session.isLive || !isNext) {
        if (session.isLive) session.end(`message ${String(nth)} is not the next`);
        loop.settled(1);
        return;
      }
      place.passed(sequence);
      wanted.onMessage(new JetStreamMessage(msg, sequence));
      if (pending === 0) arrived();
    },
  });
  return {
    get state() {
      const { state } = loop;
      return state === 'pulling' ? 'reading' : state;
    },
    done: (messages) => {
      loop.settled(messages);
    },
    close: () => loop.close(),
  };
}

/** A class, because there is one for every message. */
class JetStreamMessage implements ReadMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly sequence: number;
  readonly #headers: LazyHeaders;

  constructor(msg: Msg, sequence: number) {
    this.subject = msg.subject;
    this.data = msg.data;
    this.sequence = sequence;
    this.#headers = lazyHeaders(msg);
  }

  get headers(): Headers {
    return this.#headers.all();
  }

  header(name: string): string | undefined {
    return this.#headers.one(name);
  }
}

function configOf({ subjects }: ReadOptions, from: number): Partial<ConsumerConfig> {
  return {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    filter_subjects: [...subjects],
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(forgottenAfterMs),
  };
}

/** Where a reader is. */
interface ReaderPlace {
  /** The place of the next message, in a channel that may not be what it was: made anew, or set back to an older copy. */
  begin(state: ChannelState): number;
  passed(sequence: number): void;
}

function createPlace(from: number | 'now'): ReaderPlace {
  let next = from === 'now' ? undefined : Math.max(1, from);
  let identity: string | undefined;
  return {
    begin(state) {
      const end = state.lastSequence + 1;
      const isOther = identity !== undefined && identity !== state.identity;
      identity = state.identity;
      next = isOther ? 1 : Math.min(next ?? end, end);
      return next;
    },
    passed(sequence) {
      next = sequence + 1;
    },
  };
}
