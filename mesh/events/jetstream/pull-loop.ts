import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from 'nats';
import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { fromNats } from './error.ts';
import type { Link } from './link.ts';

/** What all that pulls on one connection shares. */
export interface PullPorts {
  readonly link: Link;
  /** How often the server must be heard while it owes messages, in ms; two misses begin anew. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface PullPlan {
  /** The stream. */
  readonly channel: string;
  /** For logs and errors, as "consumer warehouse". */
  readonly what: string;
  /** Most messages that are not yet settled or under way. */
  readonly maxInFlight: number;
  /** Makes sure of everything at the server, and gives the name of the consumer to pull from. */
  prepare(connection: NatsConnection, signal: AbortSignal): Promise<string>;
  /** Messages begin to come. */
  onBegin?(): void;
  onMessage(msg: Msg, session: PullSession): void;
  /** A session has ended, and its connection may still stand: what it leaves behind can be taken away. */
  onEnd?(connection: NatsConnection, consumer: string): Promise<void>;
  onClosed(): void;
}

/** One inbox on one connection, while all goes well. */
export interface PullSession {
  readonly connection: NatsConnection;
  /** False: whoever gets a message of it now will not get the next one. */
  readonly isLive: boolean;
  /** How many messages it has brought, this one counted. */
  readonly delivered: number;
  /** It does not go on like this: everything begins anew. */
  end(why: string): void;
}

/** Messages of a consumer, on one connection after another, until it is closed. */
export interface PullLoop extends Closeable {
  readonly state: 'waiting' | 'pulling' | 'closed';
  /** So many messages are done with: there is room for more. */
  settled(messages: number): void;
}

/** Its own pull loop: what the client offers sleeps 30 s when a consumer is gone, and cannot be drained. */
export function createPullLoop(ports: PullPorts, plan: PullPlan): PullLoop {
  return new PullMachine(ports, plan);
}

interface Session {
  readonly connection: NatsConnection;
  readonly consumer: string;
  readonly inbox: string;
  readonly subscription: Subscription;
  readonly isLive: boolean;
  /** Messages asked for and not yet delivered. */
  demand: number;
  delivered: number;
  /** Monotonic ms. */
  heardAt: number;
  readonly end: (why: string) => void;
}

const healing: RetryDelay = { firstMs: 250, longestMs: 5_000 };
// A request for messages is answered or runs out after this; then it is made again.
const pullExpiresMs = 30_000;
const farewellMs = 1_000;
const forever = 2 ** 31 - 1;

class PullMachine implements PullLoop {
  #session: Session | undefined;
  #unsettled = 0;
  #failures = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #ports: PullPorts;
  readonly #plan: PullPlan;

  constructor(ports: PullPorts, plan: PullPlan) {
    this.#ports = ports;
    this.#plan = plan;
    this.#done = this.#run();
  }

  get state(): PullLoop['state'] {
    if (this.#isClosed()) return 'closed';
    return this.#session === undefined ? 'waiting' : 'pulling';
  }

  settled(messages: number): void {
    this.#unsettled -= messages;
    if (this.#session !== undefined) this.#pull(this.#session);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#session?.end('closed');
    await this.#done;
    this.#plan.onClosed();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#ports;
    while (!this.#isClosed()) {
      await this.#begin();
      if (this.#isClosed()) return;
      const pauseMs = retryDelayMs(Math.max(1, this.#failures), healing, random);
      await clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
    }
  }

  /** Finds or makes everything, then pulls until something breaks. */
  async #begin(): Promise<void> {
    const { link, log } = this.#ports;
    const { channel, what } = this.#plan;
    try {
      const connection = await link.ready(forever, this.#stop.signal);
      const consumer = await this.#plan.prepare(connection, this.#stop.signal);
      this.#failures = 0;
      const why = await this.#pullFrom(connection, consumer);
      if (!this.#isClosed()) log.info('a consumer begins anew', { channel, why });
    } catch (thrown) {
      if (this.#isClosed()) return;
      this.#failures++;
      const err = fromNats(thrown, `${what} of ${channel}`);
      if (this.#failures === 1) log.warn('a consumer waits', { err });
    }
  }

  /** Pulls until something breaks; resolves with what it was. */
  async #pullFrom(connection: NatsConnection, consumer: string): Promise<string> {
    const { clock, link } = this.#ports;
    const { promise, resolve } = Promise.withResolvers<string>();
    const inbox = createInbox();
    const subscription = connection.subscribe(inbox, {
      callback: (_, msg) => {
        this.#onMessage(session, msg);
      },
    });
    const isLive = (): boolean => this.#session === session && !this.#isClosed();
    const session: Session = {
      ...{ connection, consumer, inbox, subscription, demand: 0, delivered: 0 },
      heardAt: clock.monotonic(),
      end: resolve,
      get isLive() {
        return isLive();
      },
    };
    this.#session = session;
    this.#plan.onBegin?.();
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

  /** Unsubscribes, and waits for what the server sent before it knew: the plan gives it back. */
  async #leave({ connection, consumer, subscription }: Session): Promise<void> {
    if (this.#ports.link.current() !== connection) {
      subscription.unsubscribe();
      return;
    }
    const left = Promise.all([subscription.drain(), this.#plan.onEnd?.(connection, consumer)]);
    await Promise.race([left.catch(() => undefined), this.#ports.clock.sleep(farewellMs)]);
  }

  #onMessage(session: Session, msg: Msg): void {
    session.heardAt = this.#ports.clock.monotonic();
    if (msg.subject === session.inbox) {
      this.#onStatus(session, msg);
      return;
    }
    session.demand = Math.max(0, session.demand - 1);
    session.delivered++;
    this.#unsettled++;
    this.#plan.onMessage(msg, session);
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
    const { heartbeatMs } = this.#ports;
    const { maxInFlight, channel } = this.#plan;
    if (this.#session !== session || this.#isClosed()) return;
    const room = maxInFlight - this.#unsettled - session.demand;
    const worthwhile = Math.ceil(maxInFlight / 4);
    if (room < worthwhile) return;
    if (session.demand === 0) session.heardAt = this.#ports.clock.monotonic();
    session.demand += room;
    const request = {
      batch: room,
      expires: nanos(Math.max(pullExpiresMs, 2 * heartbeatMs)),
      idle_heartbeat: nanos(heartbeatMs),
    };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${channel}.${session.consumer}`;
    session.connection.publish(subject, JSON.stringify(request), { reply: session.inbox });
  }

  /** A server that owes messages must be heard: two heartbeats missed, and the session begins anew. */
  #watch(session: Session): () => void {
    const { clock, heartbeatMs } = this.#ports;
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
