import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from 'nats';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { ConsumeOptions, Consumption } from '../bus/bus.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { createDelivery, placeOf } from './delivery.ts';
import { ensureDurable, resetDurable } from './durable.ts';
import { fromNats } from './error.ts';
import type { Link } from './link.ts';
import type { Streams } from './streams.ts';

export interface PullConsumerOptions {
  readonly wanted: ConsumeOptions;
  readonly link: Link;
  readonly streams: Streams;
  readonly heartbeatMs: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onClosed: () => void;
}

/** Its own pull loop: what the client offers sleeps 30 s when a consumer is gone, and cannot be drained. */
export function createPullConsumer(options: PullConsumerOptions): Consumption {
  return new PullConsumer(options);
}

/** One inbox on one connection, while all goes well. */
interface Session {
  readonly connection: NatsConnection;
  readonly inbox: string;
  readonly subscription: Subscription;
  /** Messages asked for and not yet delivered. */
  demand: number;
  /** How many were delivered. */
  delivered: number;
  /** Monotonic ms. */
  heardAt: number;
  /** Ends the session. */
  readonly end: (why: string) => void;
}

const healing: RetryDelay = { firstMs: 250, longestMs: 5_000 };
// A request for messages is answered or runs out after this; then it is made again.
const pullExpiresMs = 30_000;
const farewellMs = 1_000;
const forever = 2 ** 31 - 1;

class PullConsumer implements Consumption {
  #session: Session | undefined;
  #unsettled = 0;
  #asserted = false;
  #failures = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #options: PullConsumerOptions;

  constructor(options: PullConsumerOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  get state(): Consumption['state'] {
    if (this.#isClosed()) return 'closed';
    return this.#session === undefined ? 'waiting' : 'consuming';
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#session?.end('closed');
    await this.#done;
    this.#options.onClosed();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#isClosed()) {
      await this.#begin();
      if (this.#isClosed()) return;
      const pauseMs = retryDelayMs(Math.max(1, this.#failures), healing, random);
      await clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
    }
  }

  /** Finds or makes everything, then consumes until something breaks. */
  async #begin(): Promise<void> {
    const { link, log, wanted } = this.#options;
    try {
      const connection = await link.ready(forever, this.#stop.signal);
      await this.#prepare(connection);
      const why = await this.#consume(connection);
      if (!this.#isClosed())
        log.info('a consumer begins anew', { channel: wanted.channel.name, why });
    } catch (thrown) {
      if (this.#isClosed()) return;
      this.#failures++;
      const err = fromNats(thrown, `consumer ${wanted.consumer} of ${wanted.channel.name}`);
      if (this.#failures === 1) log.warn('a consumer waits', { err });
    }
  }

  async #prepare(connection: NatsConnection): Promise<void> {
    const { streams, wanted, requestTimeoutMs: timeoutMs } = this.#options;
    const { name } = wanted.channel;
    await streams.ensure(wanted.channel, this.#stop.signal);
    try {
      if (wanted.ordered === true) await resetDurable(connection, wanted, { timeoutMs });
      else await ensureDurable(connection, wanted, { assert: !this.#asserted, timeoutMs });
    } catch (thrown) {
      // Among the reasons: the stream that we knew is gone.
      streams.forget(name);
      throw thrown;
    }
    this.#asserted = true;
    this.#failures = 0;
  }

  /** Consumes until something breaks; resolves with what it was. */
  async #consume(connection: NatsConnection): Promise<string> {
    const { clock, link } = this.#options;
    const { promise, resolve } = Promise.withResolvers<string>();
    const inbox = createInbox();
    const subscription = connection.subscribe(inbox, {
      callback: (_, msg) => {
        this.#onMessage(session, msg);
      },
    });
    const heardAt = clock.monotonic();
    const session: Session = {
      ...{ connection, inbox, subscription, demand: 0, delivered: 0, heardAt, end: resolve },
    };
    this.#session = session;
    this.#options.wanted.onBegin?.();
    const forget = link.onChange(() => {
      if (link.current() !== connection) resolve('the connection broke');
    });
    const stopWatch = this.#watch(session);
    if (this.#isClosed()) resolve('closed');
    this.#pull(session);
    const why = await promise;
    stopWatch();
    forget();
    this.#session = undefined;
    await this.#leave(session);
    return why;
  }

  /** Unsubscribes, and waits for what the server sent before it knew: `#onMessage` gives it back. */
  async #leave({ connection, subscription }: Session): Promise<void> {
    if (this.#options.link.current() !== connection) {
      subscription.unsubscribe();
      return;
    }
    const drained = subscription.drain().catch(() => undefined);
    await Promise.race([drained, this.#options.clock.sleep(farewellMs)]);
  }

  #onMessage(session: Session, msg: Msg): void {
    session.heardAt = this.#options.clock.monotonic();
    if (msg.subject === session.inbox) {
      this.#onStatus(session, msg);
      return;
    }
    session.demand = Math.max(0, session.demand - 1);
    this.#unsettled++;
    const { connection } = session;
    const delivery = createDelivery(msg, {
      isUp: () => this.#options.link.current() === connection,
      onSettled: () => {
        this.#unsettled--;
        if (this.#session !== undefined) this.#pull(this.#session);
      },
    });
    if (this.#session === session && !this.#isClosed() && this.#isNext(session, msg)) {
      this.#options.wanted.onDelivery(delivery);
    } else {
      delivery.nak();
    }
  }

  /**
   * Of an ordered consumer every delivery must come here. One that went elsewhere (to a process that slept,
   * and does not know yet that it is no longer its turn) will come again, after later ones: so begin anew.
   */
  #isNext(session: Session, msg: Msg): boolean {
    session.delivered++;
    if (this.#options.wanted.ordered !== true) return true;
    const { nth } = placeOf(msg.reply ?? '');
    if (nth === session.delivered) return true;
    session.end(`delivery ${String(nth)} came after ${String(session.delivered - 1)}`);
    session.delivered = Number.NaN;
    return false;
  }

  #onStatus(session: Session, msg: Msg): void {
    const { code = 0, description = '' } = msg.headers ?? {};
    if (code === 100) return;
    const left = Number(msg.headers?.get('Nats-Pending-Messages') ?? 0);
    session.demand = Math.max(0, session.demand - left);
    // 408: the request ran out. All others say that the consumer, its leader or its server is gone.
    if (code === 408) this.#pull(session);
    else session.end(`${String(code)} ${description}`);
  }

  /** Asks for as many messages as there is room for; not for every single one. */
  #pull(session: Session): void {
    const { wanted, heartbeatMs } = this.#options;
    if (this.#session !== session || this.#isClosed()) return;
    const room = wanted.maxInFlight - this.#unsettled - session.demand;
    const worthwhile = Math.ceil(wanted.maxInFlight / 4);
    if (room < worthwhile) return;
    if (session.demand === 0) session.heardAt = this.#options.clock.monotonic();
    session.demand += room;
    const request = {
      batch: room,
      expires: nanos(Math.max(pullExpiresMs, 2 * heartbeatMs)),
      idle_heartbeat: nanos(heartbeatMs),
    };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${wanted.channel.name}.${wanted.consumer}`;
    session.connection.publish(subject, JSON.stringify(request), { reply: session.inbox });
  }

  /** A server that owes messages must be heard: two heartbeats missed, and the session begins anew. */
  #watch(session: Session): () => void {
    const { clock, heartbeatMs } = this.#options;
    let cancel = (): void => undefined;
    const look = (): void => {
      const silentMs = clock.monotonic() - session.heardAt;
      if (session.demand > 0 && silentMs > 2.5 * heartbeatMs) {
        session.end(`silent for ${String(Math.round(silentMs))} ms`);
        return;
      }
      cancel = clock.after(heartbeatMs / 2, look);
    };
    look();
    return () => {
      cancel();
    };
  }

  // A method: `close` may be called during any await.
  #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }
}
