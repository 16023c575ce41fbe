import {
  status as codes,
  Metadata as GrpcMetadata,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import { ExchangeRequest, ExchangeResponse, type Hello } from '../../../gen/weft/lane/v1/lane.ts';
import type { Caller } from '../../identity/caller.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { type Encoded, noBytes } from '../encode.ts';
import { widenWindow } from '../grpc-internals.ts';
import { callerOfCall } from '../mtls/peer.ts';
import type { Answer, UnaryMethod } from '../server/dispatch.ts';
import { toStatus } from '../status.ts';
import { windowBytes } from '../window.ts';
import { Batch } from './batch.ts';
import { malformed } from './cursor.ts';
import { packEntries } from './entries.ts';
import { failureOf } from './failure.ts';
import { createFlush } from './flush.ts';
import { LaneRun, type Origin } from './lane-run.ts';
import {
  laneVersion,
  maxBatchBytes,
  maxBatchCount,
  maxBodyBytes,
  maxUnsentBytes,
  perTurn,
  sharedBodyBytes,
} from './protocol.ts';
import { RequestReader } from './request-frames.ts';
import { type Failure, headerTag, putGoAway, putReply, trailerTag } from './response-frames.ts';
import { RunningCalls } from './running-calls.ts';
import { createSweep } from './sweep.ts';
import { serverWire, type Wire } from './wire.ts';

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** What all lanes of a server share. */
export interface LaneSite {
  readonly methods: () => readonly UnaryMethod[];
  readonly clock: Clock;
  readonly log: Log;
  readonly maxMessageBytes: number;
  readonly maxMetadataBytes: number;
  readonly maxInFlight: number;
  readonly helloTimeoutMs: number;
  /** Told when a lane has begun to speak, and when it has ended. */
  readonly onOpen: (lane: ServerLane) => void;
  readonly onEnd: (lane: ServerLane) => void;
  /** Counted for all lanes: messages written, and the replies in them. */
  readonly written: { writes: number; replies: number };
}

/** A message that is being worked on. */
interface Work {
  readonly message: Buffer;
  readonly reader: RequestReader;
  /** Monotonic ms; calls have waited since then. */
  readonly arrivedMs: number;
  nowMs: number;
}

// Handlers end within some turns of each other. Four against two, with 8 to 128 calls in flight: an eighth less
// CPU for each, and no longer waits, for what gathers is what the processor is spared.
const gatherTurns = 4;

/**
 * The server's end of one lane. It hands each call to the server stack and gathers the replies in the order
 * in which they come. A class, and a listener of grpc-js one floor below its handlers: a stream of node, with
 * its events and buffers, would cost more than the calls.
 */
export class ServerLane implements Listener, Origin {
  readonly peer: string;
  readonly caller: Caller | undefined;
  /** `leaving`: no new calls, and the end when the last one has been answered. */
  #state: 'greeting' | 'open' | 'leaving' | 'ended' = 'greeting';
  readonly #call: ServerInterceptingCallInterface;
  readonly #site: LaneSite;
  readonly #running: RunningCalls<LaneRun>;
  readonly #batch = new Batch();
  readonly #flush = createFlush(gatherTurns, () => this.#write());
  readonly #sweep;
  #methods: readonly UnaryMethod[] = [];
  /** The largest message that the client takes. */
  #clientTakes = 0;
  readonly #wire: Wire;
  #readingPaused = false;
  #forgetHello: () => void = () => undefined;

  constructor(call: ServerInterceptingCallInterface, peer: string, site: LaneSite) {
    this.#call = call;
    this.peer = peer;
    this.caller = callerOfCall(call);
    this.#site = site;
    this.#running = new RunningCalls(site.maxInFlight);
    this.#sweep = createSweep(site.clock, (now) => this.#expire(now));
    this.#wire = serverWire(call, site.maxMessageBytes, {
      onMessage: (message) => this.onReceiveMessage(message),
      onBreach: (thrown) => this.#fail(MeshError.from(thrown)),
      onLeft: () => {
        if (this.#readingPaused && this.#wire.unsent <= maxUnsentBytes / 2) this.#readOn();
      },
    });
  }

  onReceiveMetadata(): void {
    widenWindow(this.#call, windowBytes);
    // At once: until then the client believes that the stream may still be refused.
    this.#call.sendMetadata(new GrpcMetadata());
    const { clock, helloTimeoutMs } = this.#site;
    this.#forgetHello = clock.after(helloTimeoutMs, () => {
      this.#fail(malformed(`no hello came within ${String(helloTimeoutMs)} ms`));
    });
    this.#wire.readOn();
  }

  onReceiveMessage(message: Buffer): void {
    try {
      if (this.#state === 'greeting') this.#greet(message);
      else this.#begin(message);
    } catch (thrown) {
      this.#fail(MeshError.from(thrown));
    }
  }

  onReceiveHalfClose(): void {
    if (this.#state === 'greeting') this.#fail(malformed('it ends without a hello'));
    else this.#wire.afterReading(() => this.#leave());
  }

  /** The client cancelled the stream, or the connection broke. */
  onCancel(): void {
    this.#end();
  }

  /** Takes no more calls, answers those that run, ends. */
  goAway(): void {
    if (this.#state !== 'open') return;
    putGoAway(this.#batch, this.#running.goAway());
    this.#write();
    this.#leave();
  }

  #greet(message: Buffer): void {
    const hello = readHello(message);
    this.#forgetHello();
    const site = this.#site;
    this.#clientTakes = hello.maxMessageBytes;
    this.#methods = site.methods();
    this.#state = 'open';
    const welcome = {
      version: laneVersion,
      maxMessageBytes: site.maxMessageBytes,
      maxBodyBytes: Math.min(maxBodyBytes, site.maxMessageBytes),
      maxMetadataBytes: site.maxMetadataBytes,
      maxInFlight: site.maxInFlight,
      methods: this.#methods.map(({ path }, number) => ({ number, path })),
    };
    const response = ExchangeResponse.encode({ welcome, replies: [], goAway: undefined }).finish();
    this.#call.sendMessage(response, () => undefined);
    site.onOpen(this);
    this.#wire.readOn();
  }

  #begin(message: Buffer): void {
    const now = this.#site.clock.monotonic();
    this.#work({ message, reader: new RequestReader(message), arrivedMs: now, nowMs: now });
  }

  /** Works on a message for a part of this turn, and goes on in the next: others have work too. */
  #work(work: Work): void {
    const { reader } = work;
    for (let worked = 0; worked < perTurn; worked++) {
      if (this.#state === 'ended') return;
      const frame = reader.next();
      if (frame === undefined) {
        this.#readOn();
        return;
      }
      if (frame === 'cancel') this.#cancel(reader.cancelled);
      else this.#take(work);
    }
    setImmediate(() => {
      work.nowMs = this.#site.clock.monotonic();
      try {
        this.#work(work);
      } catch (thrown) {
        this.#fail(MeshError.from(thrown));
      }
    });
  }

  /** A client that reads no replies gets no new calls through: they would pile up here. */
  #readOn(): void {
    this.#readingPaused = this.#wire.unsent > maxUnsentBytes;
    if (!this.#readingPaused) this.#wire.readOn();
  }

  #take(work: Work): void {
    const { id } = work.reader.call;
    switch (this.#running.admit(id)) {
      case 'run':
        this.#run(work);
        return;
      case 'refuse':
        this.#put(id, noBytes, failureOf(tooMany(this.#site.maxInFlight), true), undefined);
        return;
      case 'ignore':
        return;
      case 'breach':
        throw malformed(`call ${String(id)} came after one with its id or a greater one`);
    }
  }

  #run({ message, reader, arrivedMs, nowMs }: Work): void {
    const { call } = reader;
    const method = this.#methods[call.method];
    if (method === undefined) {
      const failure = failureOf(unknownMethod(call.method, this.#methods.length));
      this.#put(call.id, noBytes, failure, undefined);
      return;
    }
    const run = new LaneRun(this, message, call, { arrivedMs, nowMs });
    this.#running.add(run.id, run);
    run.call = method.run(run);
    if (run.due !== Number.POSITIVE_INFINITY) this.#sweep.watch(run.due);
  }

  reply({ id }: LaneRun, { error, body, header, trailer }: Answer): void {
    if (!this.#running.end(id)) return;
    const failure = error === undefined ? undefined : failureOf(error);
    const metadata =
      header === undefined && trailer === undefined
        ? undefined
        : Buffer.concat([
            packEntries(header ?? {}, headerTag).fields,
            packEntries(trailer ?? {}, trailerTag).fields,
          ]);
    this.#put(id, body, failure, metadata);
    if (this.#state === 'leaving' && this.#running.size === 0) this.#finish();
  }

  #put(id: number, body: Encoded, failure: Failure | undefined, metadata?: Uint8Array): void {
    const batch = this.#batch;
    const size = body.length + (metadata?.length ?? 0);
    // A large reply travels by itself: those that are ready do not wait behind it, nor it behind a flush.
    if (size > sharedBodyBytes) this.#write();
    if (size + 32 > this.#clientTakes) {
      const refusal = failureOf(tooLarge(size, this.#clientTakes));
      putReply(batch, { id, body: noBytes, failure: refusal, metadata: undefined });
    } else {
      putReply(batch, { id, body, failure, metadata });
    }
    if (size > sharedBodyBytes || batch.size > maxBatchBytes || batch.count >= maxBatchCount) {
      this.#write();
    } else {
      this.#flush.soon(this.#running.size === 0);
    }
  }

  #write(): void {
    const batch = this.#batch;
    if (batch.count === 0 || this.#state === 'ended') return;
    this.#site.written.writes++;
    this.#site.written.replies += batch.count;
    this.#wire.send(batch);
  }

  #cancel(id: number): void {
    const run = this.#running.cancel(id);
    run?.call?.abort(run.call.callerGone());
    if (this.#state === 'leaving' && this.#running.size === 0) this.#finish();
  }

  /** Ends what is due; the next deadline. */
  #expire(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { due, call } of this.#running.calls()) {
      if (due <= now) call?.abort(call.deadlinePassed());
      else if (due < next) next = due;
    }
    return next;
  }

  #leave(): void {
    if (this.#state === 'ended') return;
    this.#state = 'leaving';
    if (this.#running.size === 0) this.#finish();
  }

  #finish(): void {
    this.#write();
    if (this.#end()) this.#call.sendStatus({ code: codes.OK, details: 'OK', metadata: null });
  }

  /** Ends the lane for what the client did; the process and its other lanes go on. */
  #fail(error: MeshError): void {
    if (!this.#end()) return;
    this.#site.log.warn('lane ended: its client broke the contract', {
      peer: this.peer,
      err: error,
    });
    this.#call.sendStatus(toStatus(error));
  }

  /** Nobody waits for a reply any more; false if that was known. */
  #end(): boolean {
    if (this.#state === 'ended') return false;
    this.#state = 'ended';
    this.#forgetHello();
    this.#sweep.stop();
    this.#wire.drop();
    for (const { call } of this.#running.fall()) call?.abort(call.callerGone());
    this.#site.onEnd(this);
    return true;
  }
}

function readHello(message: Buffer): Hello {
  const { hello } = ExchangeRequest.decode(message);
  if (hello === undefined || hello.version < 1 || hello.maxMessageBytes === 0) {
    throw malformed('its first message is no hello');
  }
  return hello;
}

function tooMany(limit: number): MeshError {
  return new MeshError(
    `${String(limit)} calls of this lane are under way, and no more are taken; try again, or elsewhere`,
    { status: 'RESOURCE_EXHAUSTED', reason: 'LANE_FULL' },
  );
}

function unknownMethod(number: number, known: number): MeshError {
  return new MeshError(`there is no method ${String(number)}; this lane has ${String(known)}`, {
    status: 'UNIMPLEMENTED',
    reason: 'UNKNOWN_METHOD',
  });
}

function tooLarge(bytes: number, limit: number): MeshError {
  return new MeshError(
    `the response has ${String(bytes)} bytes and its caller takes ${String(limit)}; ask for less, or make it a stream`,
    { status: 'RESOURCE_EXHAUSTED', reason: 'RESPONSE_TOO_LARGE' },
  );
}
