import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import type { MeshError } from '../../kernel/error.ts';
import { type Encoded, encodeShared, ownBytes } from '../encode.ts';
import { isEmpty } from '../metadata.ts';
import type { PlainConnection } from '../plain/connection.ts';
import { factsOf, localError, unreached } from '../plain/outcome.ts';
import { givenUp, onGivenUp } from '../signals.ts';
import type { AttemptContext, Connection, Method } from '../transport.ts';
import type { ClientLane, Freight } from './client-lane.ts';
import { encodedAs } from './encoded-as.ts';
import type { PackedEntries } from './entries.ts';
import { LaneCall } from './lane-call.ts';
import { createLanes, type Lanes, type LanesOptions } from './lanes.ts';
import { packBeside } from './pack-beside.ts';
import { type LaneStats, noPlainCalls } from './stats.ts';

export interface LanedConnectionOptions extends LanesOptions {
  /** Most calls that go plainly at a time because the lanes are full; more are refused. */
  readonly maxOverflow: number;
  /** Called when the connection begins to close. */
  readonly onClose: () => void;
}

/** A connection that can tell how its calls travelled. */
export interface LanedConnection extends Connection {
  stats(): LaneStats;
}

/**
 * Calls to an endpoint that serves lanes: unary ones take a lane where they fit, all else goes plainly over
 * the connection that the first lane shares. Nothing waits for a lane: until there is one, calls go plainly.
 */
export function createLanedConnection(
  endpoint: Endpoint,
  options: LanedConnectionOptions,
): LanedConnection {
  return new Laned(endpoint, options);
}

class Laned implements LanedConnection {
  readonly #address: string;
  readonly #options: LanedConnectionOptions;
  readonly #plain: PlainConnection;
  readonly #lanes: Lanes;
  readonly #plainCalls = noPlainCalls();
  #laneCalls = 0;
  #overflow = 0;
  #closing: Promise<void> | undefined;

  constructor(endpoint: Endpoint, options: LanedConnectionOptions) {
    this.#address = addressOf(endpoint);
    this.#options = options;
    this.#plain = options.plain.open(endpoint);
    this.#lanes = createLanes(endpoint, this.#plain, options);
  }

  unary<Req, Res>(method: Method<Req, Res>, request: Req, context: AttemptContext): Promise<Res> {
    if (this.#closing !== undefined) {
      const facts = factsOf(method, this.#address, context.attempt);
      return Promise.reject(unreached(facts, 'the connection is being closed'));
    }
    const lane = this.#lanes.pick();
    if (lane === undefined) return this.#withoutLane(method, request, context);
    const number = lane.numberOf(method.path);
    if (number === undefined) {
      this.#plainCalls.method++;
      return this.#plain.unary(method, request, context);
    }
    const packed = pack(method, request, context);
    if (packed === undefined) return this.#plain.unary(method, request, context);
    const { body, entries } = packed;
    if (lane.fits(body.length, entries?.bytes ?? 0)) {
      return this.#onLane(lane, method, context, {
        method: number,
        body,
        metadata: entries?.fields,
      });
    }
    this.#plainCalls[lane.fits(body.length, 0) ? 'metadata' : 'body']++;
    const encoded = { ...method, requestType: encodedAs(method.requestType, ownBytes(body)) };
    return this.#plain.unary(encoded, request, context);
  }

  stream<Req, Res>(
    method: Method<Req, Res>,
    requests: AsyncIterable<Req>,
    context: AttemptContext,
  ): AsyncIterable<Res> {
    this.#plainCalls.stream++;
    return this.#plain.stream(method, requests, context);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  stats(): LaneStats {
    return {
      laneCalls: this.#laneCalls,
      plainCalls: { ...this.#plainCalls },
      ...this.#lanes.stats(),
    };
  }

  /** There is none yet, or none with room. */
  #withoutLane<Req, Res>(
    method: Method<Req, Res>,
    request: Req,
    context: AttemptContext,
  ): Promise<Res> {
    if (this.#lanes.busy) return this.#full(method, request, context);
    this.#plainCalls.opening++;
    return this.#plain.unary(method, request, context);
  }

  async #close(): Promise<void> {
    this.#options.onClose();
    await this.#lanes.close();
    await this.#plain.close();
  }

  #onLane<Req, Res>(
    lane: ClientLane,
    method: Method<Req, Res>,
    context: AttemptContext,
    freight: Freight,
  ): Promise<Res> {
    const address = this.#address;
    const due = context.deadline?.at ?? Number.POSITIVE_INFINITY;
    const reason = givenUp(context) ?? this.#expired(method, context, due);
    if (reason !== undefined) return Promise.reject(reason);
    this.#laneCalls++;
    const { report } = context;
    if (report !== undefined) {
      report.transport = 'lane';
      report.sentBytes += freight.body.length;
    }
    return new Promise<Res>((resolve, reject) => {
      const call = new LaneCall({ method, context, address, due }, resolve, reject);
      lane.send(call, freight);
      if (context.cancellation !== undefined || context.signal !== undefined) {
        call.release = onGivenUp(context, (why) => {
          lane.giveUp(call, why);
        });
      }
    });
  }

  #expired(method: Method, context: AttemptContext, due: number): MeshError | undefined {
    // A time that is not bounded needs no look at the clock.
    if (due === Number.POSITIVE_INFINITY || due > this.#options.clock.monotonic()) return undefined;
    const why = 'the deadline had passed before the call was sent';
    return localError(factsOf(method, this.#address, context.attempt), why, {
      status: 'DEADLINE_EXCEEDED',
    });
  }

  /** Every lane is full: a few go plainly, the rest is refused before it costs anything. */
  async #full<Req, Res>(
    method: Method<Req, Res>,
    request: Req,
    context: AttemptContext,
  ): Promise<Res> {
    if (this.#overflow >= this.#options.maxOverflow) {
      throw lanesFull(method, this.#address, context);
    }
    this.#plainCalls.full++;
    this.#overflow++;
    try {
      return await this.#plain.unary(method, request, context);
    } finally {
      this.#overflow--;
    }
  }
}

/** What a lane carries of a call. Undefined: it cannot be sent, not plainly either, and is said there. */
function pack<Req>(
  { requestType }: Method<Req>,
  request: Req,
  { metadata, trace, baggage }: AttemptContext,
): { readonly body: Encoded; readonly entries: PackedEntries | undefined } | undefined {
  try {
    const body = encodeShared(requestType, request);
    const bare = isEmpty(metadata) && trace.state === undefined && baggage === undefined;
    const entries = bare ? undefined : packBeside(metadata, trace.state, baggage);
    return { body, entries };
  } catch {
    return undefined;
  }
}

function lanesFull(method: Method, address: string, context: AttemptContext): MeshError {
  const why =
    'not sent: every lane is full of calls that wait for their answers, and so is the way beside them; call less at a time, or add instances';
  const facts = factsOf(method, address, context.attempt);
  return unreached(facts, why, { status: 'RESOURCE_EXHAUSTED', reason: 'LANE_FULL' });
}
