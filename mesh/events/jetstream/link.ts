import { connect, Events, type NatsConnection } from 'nats';
import { aborted, type Clock } from '../../kernel/clock.ts';
import { describe } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { unavailable } from './error.ts';

/** What the link is at. */
export type LinkState =
  /** Nobody has needed it yet. */
  | { readonly kind: 'idle' }
  /** Dialling for the first time, or anew after the client gave up. */
  | { readonly kind: 'dialling' }
  | { readonly kind: 'up'; readonly connection: NatsConnection }
  /** The connection broke; the client redials by itself, with the same connection object. */
  | { readonly kind: 'down'; readonly connection: NatsConnection }
  | { readonly kind: 'closed' };

/**
 * The one connection to nats-server: made when first needed, and then kept or made again for as long as the
 * process lives.
 */
export interface Link {
  readonly state: LinkState;
  /** The connection if it is up at this moment. */
  current(): NatsConnection | undefined;
  /** Waits until the link is up; UNAVAILABLE after `waitMs`, CANCELLED when `signal` aborts. */
  ready(waitMs: number, signal?: AbortSignal): Promise<NatsConnection>;
  /** Calls back at every change; the returned function ends that. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly servers: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const redial: RetryDelay = { firstMs: 100, longestMs: 2_000 };
const dialTimeoutMs = 2_000;
// A server that hangs without closing the connection is noticed after two pings without an answer.
const pingIntervalMs = 5_000;
const pingsMissed = 2;
const farewellMs = 1_000;

export function createLink(options: LinkOptions): Link {
  return new LinkMachine(options);
}

class LinkMachine implements Link {
  #state: LinkState = { kind: 'idle' };
  #lastError: unknown = 'not tried yet';
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #options: LinkOptions;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }

  current(): NatsConnection | undefined {
    if (this.#state.kind === 'idle') void this.#dial();
    return this.#state.kind === 'up' ? this.#state.connection : undefined;
  }

  async ready(waitMs: number, signal?: AbortSignal): Promise<NatsConnection> {
    const current = this.current();
    if (current !== undefined) return current;
    const { promise, resolve, reject } = Promise.withResolvers<NatsConnection>();
    const onAbort = (): void => {
      if (signal) reject(aborted(signal, 'waiting for nats-server'));
    };
    const look = (): void => {
      if (this.#state.kind === 'up') resolve(this.#state.connection);
      if (this.#state.kind === 'closed') reject(unavailable('nats', 'this bus is closed'));
    };
    const forget = this.onChange(look);
    const cancel = this.#options.clock.after(waitMs, () => {
      reject(this.#unreachable());
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    look();
    try {
      return await promise;
    } finally {
      forget();
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#state.kind === 'closed') return;
    const last = this.#state;
    this.#stop.abort();
    this.#change({ kind: 'closed' });
    if (last.kind === 'up') {
      // What was settled last shall arrive; a server that hangs shall not hold us up.
      const flushed = last.connection.flush().catch(() => undefined);
      await Promise.race([flushed, this.#options.clock.sleep(farewellMs)]);
    }
    if (last.kind === 'up' || last.kind === 'down') await last.connection.close();
  }

  #change(state: LinkState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }

  // The client could wait for its first connection by itself, but then nobody could end that wait.
  async #dial(): Promise<void> {
    const { servers, clock, random, log } = this.#options;
    this.#change({ kind: 'dialling' });
    for (let attempt = 1; !this.#isClosed(); attempt++) {
      try {
        const connection = await connect({
          servers: [...servers],
          name: 'weft',
          timeout: dialTimeoutMs,
          pingInterval: pingIntervalMs,
          maxPingOut: pingsMissed,
          maxReconnectAttempts: -1,
          // Wrong credentials may be put right without a restart of this process.
          ignoreAuthErrorAbort: true,
          noAsyncTraces: true,
          reconnectDelayHandler: () => jitter(500, 0.5, random),
        });
        if (this.#isClosed()) await connection.close();
        else this.#up(connection);
        return;
      } catch (thrown) {
        this.#lastError = thrown;
        if (attempt === 1) log.warn('nats-server cannot be reached; dialling on', { err: thrown });
      }
      const pauseMs = retryDelayMs(attempt, redial, random);
      await clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
    }
  }

  #up(connection: NatsConnection): void {
    const { log } = this.#options;
    log.info('connected to nats-server', { server: connection.getServer() });
    this.#change({ kind: 'up', connection });
    void this.#follow(connection);
  }

  async #follow(connection: NatsConnection): Promise<void> {
    const { log } = this.#options;
    for await (const { type } of connection.status()) {
      if (this.#isClosed()) return;
      if (type === Events.Disconnect && this.#state.kind === 'up') {
        this.#lastError = 'the connection broke';
        log.warn('the connection to nats-server broke; redialling', {});
        this.#change({ kind: 'down', connection });
      } else if (type === Events.Reconnect) {
        log.info('connected to nats-server again', { server: connection.getServer() });
        this.#change({ kind: 'up', connection });
      }
    }
    const err = await connection.closed();
    if (this.#isClosed()) return;
    // The client gave up for good, which it should not; so begin anew.
    log.warn('the nats client closed its connection; dialling anew', { err });
    await this.#dial();
  }

  // A method: `close` may be called during any await.
  #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  #unreachable(): Error {
    const { servers } = this.#options;
    return unavailable(
      `no nats-server at ${servers.join(', ')}`,
      `${describe(this.#lastError)}; start one with JetStream, it is tried again by itself`,
    );
  }
}
