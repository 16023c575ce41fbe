import type { Channel } from '@grpc/grpc-js';
import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import { UnreachedError } from '../../resilience/unreached.ts';
import type { AttemptContext, Connection, Method } from '../transport.ts';
import { socketOf } from '../unix.ts';
import { factsOf, unreached } from './outcome.ts';
import { createRoad, type Road, type RoadOptions } from './road.ts';
import { streamCall } from './stream.ts';
import { unaryCall } from './unary.ts';

export interface ConnectionOptions extends RoadOptions {
  /** False: never by Unix socket. */
  readonly unix: boolean;
}

/** A connection whose channel carries lanes too. */
export interface PlainConnection extends Connection {
  /** The channel that calls take now; ask again for each lane, for it may change to another road. */
  readonly channel: Channel;
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
    this.#options = options;
    this.#socket = socket;
    this.#onSocket = socket !== undefined;
    this.#road = socket === undefined ? this.#tcp() : this.#bySocket(socket);
  }

  get channel(): Channel {
    return this.#road.channel;
  }

  unary<Req, Res>(method: Method<Req, Res>, request: Req, context: AttemptContext): Promise<Res> {
    const road = this.#road;
    return this.#closing === undefined && road.gate.open
      ? unaryCall(road, method, request, context)
      : this.#connected(method, request, context);
  }

  async *stream<Req, Res>(
    method: Method<Req, Res>,
    requests: AsyncIterable<Req>,
    context: AttemptContext,
  ): AsyncGenerator<Res, void, undefined> {
    const taken = await this.#passed(method, context);
    try {
      const facts = factsOf(method, this.#address, context.attempt);
      yield* streamCall(taken, method, requests, { context, facts });
    } finally {
      taken.leave();
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= Promise.all([this.#road.close(), ...this.#leaving]).then(
      () => undefined,
    ));
  }

  #tcp(): Road {
    return createRoad(this.#address, this.#address, this.#options);
  }

  #bySocket(path: string): Road {
    // The authority that the endpoint has over TCP: what a server reads must not depend on the road.
    const channel = { ...this.#options.channel, 'grpc.default_authority': this.#address };
    return createRoad(`unix:${path}`, this.#address, { ...this.#options, channel });
  }

  /** From a road that refused to the other one, unless another attempt has seen to that. */
  #leave(refused: Road): void {
    if (this.#socket === undefined || this.#road !== refused || this.#closing !== undefined) return;
    this.#onSocket = !this.#onSocket;
    this.#road = this.#onSocket ? this.#bySocket(this.#socket) : this.#tcp();
    const left = refused.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  /** A road that is connected; it has been entered, so that it stays until the caller leaves it. */
  async #passed(method: Method, context: AttemptContext): Promise<Road> {
    const facts = factsOf(method, this.#address, context.attempt);
    if (this.#closing !== undefined) throw unreached(facts, 'the connection is being closed');
    const taken = this.#road;
    const bySocketNow = this.#onSocket;
    taken.enter();
    try {
      if (!taken.gate.open) await taken.gate.pass(facts, context);
      return taken;
    } catch (thrown) {
      taken.leave();
      if (!(thrown instanceof UnreachedError)) throw thrown;
      this.#leave(taken);
      if (!bySocketNow) throw thrown;
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
