import type { Channel } from '@grpc/grpc-js';
import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import { UnreachedError } from '../../resilience/unreached.ts';
import type { ChannelSecurity } from '../mtls/channel.ts';
import type { AttemptContext, Connection, Method } from '../transport.ts';
import { socketOf } from '../unix.ts';
import { factsOf, unreached } from './outcome.ts';
import { PlainStream } from './plain-stream.ts';
import { createRoad, type Road, type RoadOptions } from './road.ts';
import { StreamAttempt } from './stream.ts';
import { unaryCall } from './unary.ts';

export interface ConnectionOptions extends Omit<RoadOptions, 'credentials'> {
  /** How channels are made secure, if they are. */
  readonly security: ChannelSecurity;
  /** False: never by Unix socket. */
  readonly unix: boolean;
}

/** A connection whose channel carries lanes too. */
export interface PlainConnection extends Connection {
  /** The channel that calls take now; ask again for each lane, for it may change to another road. */
  borrow(): Borrowed;
  /** Calls `listener` when calls take another channel because the identity of this process has changed. */
  onRenewed(listener: () => void): void;
}

/** A channel that stays open until it is given back. */
export interface Borrowed {
  readonly channel: Channel;
  back(): void;
}

/**
 * The calls to one endpoint. Between processes of one host they take the Unix socket of the endpoint, if it
 * has one there: no TCP, no checksums (docs/decisions/0008-unix-sockets.md; docs/bench.md has what that
 * saves). A socket that refuses is left in the same attempt, for nothing has been sent, and TCP is taken for as long
 * as it connects. Where that refuses too nobody is there, and the next attempt begins with the socket again: a
 * server that comes back makes it anew at the same path. How often that happens is bounded by the balancer, which
 * leaves out who refused.
 */
export function createConnection(endpoint: Endpoint, options: ConnectionOptions): PlainConnection {
  return new Plain(endpoint, options);
}

class Plain implements PlainConnection {
  readonly #address: string;
  readonly #endpoint: Endpoint;
  readonly #renewed: (() => void)[] = [];
  readonly #forget: () => void;
  readonly #options: ConnectionOptions;
  readonly #leaving = new Set<Promise<void>>();
  /** The socket of the endpoint, if it has one here. */
  readonly #socket: string | undefined;
  #road: Road;
  #onSocket: boolean;
  #closing: Promise<void> | undefined;

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    const socket = options.unix ? socketOf(endpoint) : undefined;
    this.#address = addressOf(endpoint);
    this.#endpoint = endpoint;
    this.#options = options;
    this.#socket = socket;
    this.#onSocket = socket !== undefined;
    this.#road = this.#newRoad();
    this.#forget = options.security.onChange(() => {
      this.#renew();
    });
  }

  borrow(): Borrowed {
    const road = this.#road;
    road.enter();
    return {
      channel: road.channel,
      back: () => {
        road.leave();
      },
    };
  }

  onRenewed(listener: () => void): void {
    this.#renewed.push(listener);
  }

  unary<Req, Res>(method: Method<Req, Res>, request: Req, context: AttemptContext): Promise<Res> {
    const road = this.#road;
    return this.#closing === undefined && road.gate.open
      ? unaryCall(road, method, request, context)
      : this.#connected(method, request, context);
  }

  stream<Req, Res>(
    method: Method<Req, Res>,
    requests: AsyncIterable<Req>,
    context: AttemptContext,
  ): AsyncIterableIterator<Res, undefined> {
    return new PlainStream(async () => {
      const road = await this.#passed(method, context);
      const facts = factsOf(method, this.#address, context.attempt);
      const over = (): void => {
        road.leave();
      };
      try {
        return new StreamAttempt(road, method, requests, { context, facts, over });
      } catch (thrown) {
        over();
        throw thrown;
      }
    });
  }

  close(): Promise<void> {
    this.#forget();
    return (this.#closing ??= Promise.all([this.#road.close(), ...this.#leaving]).then(
      () => undefined,
    ));
  }

  #newRoad(): Road {
    const options = this.#options;
    const { credentials, options: secured } = options.security.of(this.#endpoint.service);
    const channel = { ...options.channel, ...secured };
    if (this.#socket === undefined || !this.#onSocket) {
      return createRoad(this.#address, this.#address, { ...options, credentials, channel });
    }
    // The authority that the endpoint has over TCP: what a server reads must not depend on the road.
    const named = { ...channel, 'grpc.default_authority': this.#address };
    const target = `unix:${this.#socket}`;
    return createRoad(target, this.#address, { ...options, credentials, channel: named });
  }

  /**
   * With new credentials come new connections: what is under way ends on the old one. A peer that looked at a
   * certificate once would otherwise believe it for as long as the connection lasts.
   */
  #renew(): void {
    this.#replace();
    for (const listener of this.#renewed) listener();
  }

  #replace(): void {
    const old = this.#road;
    this.#road = this.#newRoad();
    const left = old.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  /** From a road that refused to the other one, unless another attempt has seen to that. */
  #leave(refused: Road): void {
    if (this.#socket === undefined || this.#road !== refused || this.#closing !== undefined) return;
    this.#onSocket = !this.#onSocket;
    this.#replace();
  }

  /** A road that is connected; it has been entered, so that it stays until the caller leaves it. */
  async #passed(method: Method, context: AttemptContext): Promise<Road> {
    const facts = factsOf(method, this.#address, context.attempt);
    if (this.#closing !== undefined) throw unreached(facts, 'the connection is being closed');
    const refusal = this.#options.security.refusal(this.#endpoint);
    if (refusal !== undefined) {
      const { rawMessage, reason } = refusal;
      throw unreached(facts, rawMessage, { cause: refusal, ...(reason && { reason }) });
    }
    const taken = this.#road;
    const bySocketNow = this.#onSocket;
    taken.enter();
    try {
      if (!taken.gate.open) await taken.gate.pass(facts, context);
      return taken;
    } catch (thrown) {
      taken.leave();
      if (!(thrown instanceof UnreachedError)) throw thrown;
      // It was left while this attempt waited: what it could not do, the road of the new credentials may.
      const renewed = this.#road !== taken;
      this.#leave(taken);
      if (!bySocketNow && !renewed) throw thrown;
      return this.#passed(method, context);
    }
  }

  async #connected<Req, Res>(
    method: Method<Req, Res>,
    request: Req,
    context: AttemptContext,
  ): Promise<Res> {
    const taken = await this.#passed(method, context);
    try {
      return await unaryCall(taken, method, request, context);
    } finally {
      taken.leave();
    }
  }
}
