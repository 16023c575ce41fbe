import type { ConsumeOptions, Consumption } from '../bus/bus.ts';
import type { Acks } from './acks.ts';
import { createDelivery, placeOf } from './delivery.ts';
import { ensureDurable, resetDurable } from './durable.ts';
import { createPullLoop, type PullPorts, type PullSession } from './pull-loop.ts';
import type { Streams } from './streams.ts';

export interface ConsumptionPorts extends PullPorts {
  readonly streams: Streams;
  readonly acks: Acks;
  readonly requestTimeoutMs: number;
}

/** A consumption is a durable pull consumer with explicit acks. */
export function createConsumption(
  ports: ConsumptionPorts,
  wanted: ConsumeOptions,
  onClosed: () => void,
): Consumption {
  const { link, streams, acks, requestTimeoutMs: timeoutMs } = ports;
  const { channel, consumer, maxInFlight, ordered = false } = wanted;
  let asserted = false;

  const onSettled = (): void => {
    loop.settled(1);
  };
  /**
   * Of an ordered consumer every delivery must come here. One that went elsewhere (to a process that slept,
   * and does not know yet that it is no longer its turn) will come again, after later ones: so begin anew.
   */
  let skipped: PullSession | undefined;
  const isNext = (session: PullSession, reply: string): boolean => {
    if (!ordered) return true;
    if (session === skipped) return false;
    const { nth } = placeOf(reply);
    if (nth === session.delivered) return true;
    skipped = session;
    session.end(`delivery ${String(nth)} came after ${String(session.delivered - 1)}`);
    return false;
  };
  const loop = createPullLoop(ports, {
    ...{ channel: channel.name, what: `consumer ${consumer}`, maxInFlight, onClosed },
    async prepare(connection, signal) {
      await streams.ensure(channel, signal);
      // An ordered consumer begins with what the server does not know to be acked.
      acks.flush();
      try {
        if (ordered) await resetDurable(connection, wanted, { timeoutMs });
        else await ensureDurable(connection, wanted, { assert: !asserted, timeoutMs });
      } catch (thrown) {
        // Among the reasons: the stream that we knew is gone.
        streams.forget(channel.name);
        throw thrown;
      }
      asserted = true;
      return consumer;
    },
    onBegin: () => wanted.onBegin?.(),
    onMessage(msg, session) {
      const { connection } = session;
      const isUp = (): boolean => link.current() === connection;
      const delivery = createDelivery(msg, { isUp, acks, onSettled });
      if (session.isLive && isNext(session, msg.reply ?? '')) wanted.onDelivery(delivery);
      else delivery.nak();
    },
  });
  return {
    get state() {
      const { state } = loop;
      return state === 'pulling' ? 'consuming' : state;
    },
    close: () => loop.close(),
  };
}
