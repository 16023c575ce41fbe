import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import { checkToken } from '../../kernel/names.ts';
import type { Random } from '../../kernel/random.ts';
import type { Bus } from '../bus/bus.ts';
import { createAcks } from './acks.ts';
import { createConsumption } from './consumption.ts';
import { unavailable } from './error.ts';
import { createInspection } from './inspection.ts';
import { createLink } from './link.ts';
import { createPublisher } from './publisher.ts';
import { createReading } from './reading.ts';
import { createStreams } from './streams.ts';

export interface JetStreamBusOptions {
  /** Servers of one cluster, as ["127.0.0.1:4222"]. */
  readonly servers: readonly string[];
  /** On how many servers of the cluster a channel that is made here is kept: 1, 3 or 5. Default 1. */
  readonly replicas?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Most messages sent and not yet acked. Default 512: fewer leave the server idle, more gains little (measured), and all is re-sent after a cut. */
  readonly window?: number;
  /** Longest silence of the server while acks are due, in ms. Default 3000. */
  readonly ackTimeoutMs?: number;
  /** How long `publish` and `ensureChannel` wait for a connection, in ms. Default 2000. */
  readonly connectWaitMs?: number;
  /** How often an idle consumer must hear from the server, in ms; two misses begin it anew. Default 5000. */
  readonly heartbeatMs?: number;
}

const requestTimeoutMs = 3_000;

/**
 * Events over NATS JetStream (nats-server 2.10 and later): a channel is a stream with limits retention, a
 * consumer a durable pull consumer with explicit acks, a reading one that is forgotten. Connects when first used, never gives up, and never
 * throws because the server is away.
 *
 * What a stream promises depends on its server: by default nats-server acks before it fsyncs, so a power
 * loss may lose acked messages (a kill does not). Sent messages therefore stay in the outbox for a while.
 */
export function createJetStreamBus(options: JetStreamBusOptions): Bus {
  const { clock, random, log } = options;
  const { window = 512, ackTimeoutMs = 3_000 } = options;
  const { replicas = 1, connectWaitMs = 2_000, heartbeatMs = 5_000 } = options;
  const link = createLink(options);
  const streams = createStreams({ link, replicas, connectWaitMs, requestTimeoutMs, log });
  const inspection = createInspection({ link, connectWaitMs, requestTimeoutMs });
  const onNoStream = (channel: string): void => {
    streams.forget(channel);
    inspection.renew();
  };
  const publisher = createPublisher({
    link,
    window,
    ackTimeoutMs,
    connectWaitMs,
    clock,
    onNoStream,
  });
  const acks = createAcks(clock);
  const ports = { link, streams, acks, heartbeatMs, requestTimeoutMs, clock, random, log };
  const open = new Set<Closeable>();
  /** Whatever is opened is closed with the bus. */
  const opened = <T extends Closeable>(create: (onClosed: () => void) => T): T => {
    const it = create(() => open.delete(it));
    open.add(it);
    return it;
  };
  return {
    ensureChannel: (channel, signal) => streams.ensure(channel, signal),
    async publish(messages, signal, epoch) {
      if (messages.length > 0) await link.ready(connectWaitMs, signal);
      if (epoch !== undefined && epoch !== inspection.epoch()) {
        throw unavailable('publishing', 'the connection is new; look at the channels first');
      }
      return publisher.publish(messages, signal);
    },
    inspect: (channel, signal) => inspection.inspect(channel, signal),
    idAt: (channel, sequence, signal) => inspection.idAt(channel, sequence, signal),
    epoch: () => inspection.epoch(),
    consume(wanted) {
      checkToken(wanted.channel.name, 'a channel');
      checkToken(wanted.consumer, 'a consumer');
      return opened((onClosed) => createConsumption(ports, wanted, onClosed));
    },
    read(wanted) {
      checkToken(wanted.channel.name, 'a channel');
      const { inspect } = inspection;
      return opened((onClosed) => createReading({ ...ports, inspect }, wanted, onClosed));
    },
    async close() {
      await Promise.all([...open].map((each) => each.close()));
      acks.flush();
      await link.close();
    },
  };
}
