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
 * saves). A socket that refuses is left for good, and in the same attempt, for nothing has been sent; TCP is
 * always there.
 */
export function createConnection(endpoint: Endpoint, options: ConnectionOptions): PlainConnection {
  return new Plain(endpoint, options);
}

class Plain implements PlainConnection {
  readonly #address: string;
  readonly #options: ConnectionOptions;
  readonly #leaving = new Set<Promise<void>>();
  #road: Road;
  #onSocket: boolean;
  #closing: Promise<void> | undefined;

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    const socket = options.unix ? socketOf(endpoint) : undefined;
    this.#address = addressOf(endpoint);
    this.#options = options;
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

  /** To TCP, unless another attempt has seen to that. */
  #leaveSocket(): void {
    if (!this.#onSocket || this.#closing !== undefined) return;
    this.#onSocket = false;
    const left = this.#road.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
    this.#road = this.#tcp();
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
      if (!bySocketNow || !(thrown instanceof UnreachedError)) throw thrown;
      this.#leaveSocket();
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
