import {
  type Channel,
  status as codes,
  Metadata as GrpcMetadata,
  type StatusObject,
} from '@grpc/grpc-js';
import { ExchangeRequest, ExchangeResponse, type Welcome } from '../../../gen/weft/lane/v1/lane.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Encoded } from '../encode.ts';
import { localError, unreached, type WireCall } from '../plain/outcome.ts';
import { toMeshError } from '../status.ts';
import { Batch } from './batch.ts';
import { malformed } from './cursor.ts';
import { errorOfReply } from './failure.ts';
import { createFlush } from './flush.ts';
import type { LaneCall } from './lane-call.ts';
import { PendingCalls } from './pending-calls.ts';
import {
  lanePath,
  laneVersion,
  maxBatchBytes,
  maxBatchCount,
  maxQueuedBytes,
  maxUnsentBytes,
  perTurn,
  sharedBodyBytes,
} from './protocol.ts';
import { callOverhead, putCall, putCancel } from './request-frames.ts';
import { ResponseReader } from './response-frames.ts';
import { createSweep } from './sweep.ts';
import { clientWire, directWire, type Wire } from './wire.ts';

export interface LaneOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  /** The largest message that the channel takes, in bytes. */
  readonly maxMessageBytes: number;
  /** How long the server may take to welcome, in ms; connecting counted. */
  readonly welcomeTimeoutMs: number;
  /** Counted for all lanes: messages written, and the calls in them. */
  readonly written: { writes: number; calls: number };
  /** Called once, when no call waits any more and none will. */
  readonly onEnd: (lane: ClientLane, end: LaneEnd) => void;
}

/** How a lane ended. */
export interface LaneEnd {
  /** Whether it was ever of use. */
  readonly welcomed: boolean;
  readonly status: Pick<StatusObject, 'code' | 'details'>;
}

/** What the server bounds. */
type Limits = Omit<Welcome, 'methods' | 'version'>;

/** What a call needs beside what `LaneCall` knows. */
export interface Freight {
  readonly method: number;
  readonly body: Encoded;
  readonly metadata: Uint8Array | undefined;
}

/** How long a server may take to end a lane that its client has ended, in ms. */
const farewellMs = 500;

// Calls that the same bytes caused are made in this turn and the next.
const gatherTurns = 2;

/**
 * The client's end of one lane: a call of grpc-js that never ends by itself. Messages are written and read
 * without streams or iterators, which would cost more than the calls do.
 */
export class ClientLane {
  /** `leaving`: no new calls; those that wait still get their replies. */
  #state: 'greeting' | 'open' | 'leaving' | 'ended' = 'greeting';
  readonly #options: LaneOptions;
  readonly #call: WireCall;
  readonly #batch = new Batch();
  readonly #flush = createFlush(gatherTurns, () => this.#write());
  readonly #sweep;
  #wire: Wire;
  #numbers: ReadonlyMap<string, number> = new Map();
  #pending = new PendingCalls<LaneCall>(1);
  #limits: Limits = { maxMessageBytes: 0, maxBodyBytes: 0, maxMetadataBytes: 0, maxInFlight: 0 };
  #batchBytes = 0;
  #halfClosed = false;
  /** Why this side ended the stream; more exact than the status that grpc-js reports then. */
  #failure: MeshError | undefined;
  /** Stops the wait for the welcome, or for the end. */
  #forgetTimer: () => void;

  constructor(options: LaneOptions) {
    const { channel, clock, maxMessageBytes, welcomeTimeoutMs } = options;
    this.#options = options;
    this.#sweep = createSweep(clock, (now) => this.#expire(now));
    const call = channel.createCall(lanePath, Number.POSITIVE_INFINITY, null, null, null);
    this.#call = call;
    this.#wire = clientWire(call);
    this.#call.start(new GrpcMetadata(), {
      onReceiveMetadata: () => undefined,
      onReceiveMessage: (message: Buffer) => this.#receive(message),
      onReceiveStatus: (status) => this.#wire.afterReading(() => this.#end(status)),
    });
    const hello = { version: laneVersion, maxMessageBytes };
    const request = ExchangeRequest.encode({ hello, calls: [], cancels: [] }).finish();
    this.#call.sendMessageWithContext({}, Buffer.from(request));
    this.#call.startRead();
    this.#forgetTimer = clock.after(welcomeTimeoutMs, () => {
      this.#fail(malformed(`no welcome came within ${String(welcomeTimeoutMs)} ms`));
    });
  }

  /** Whether it waits to be welcomed. */
  get greeting(): boolean {
    return this.#state === 'greeting';
  }

  /** Whether calls may be sent now. */
  get open(): boolean {
    return this.#state === 'open';
  }

  /** Calls that wait for their reply. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** The number of a method; undefined: the server does not have it, or did not tell. */
  numberOf(path: string): number | undefined {
    return this.#numbers.get(path);
  }

  /** Whether something of this size may travel with others. */
  fits(bodyBytes: number, metadataBytes: number): boolean {
    return bodyBytes <= this.#limits.maxBodyBytes && metadataBytes <= this.#limits.maxMetadataBytes;
  }

  /** Whether one more call can be taken now. */
  get hasRoom(): boolean {
    return (
      this.#state === 'open' &&
      this.#pending.size < this.#pending.limit &&
      this.#wire.unsent + this.#batch.size < maxQueuedBytes
    );
  }

  /** True from three quarters of what it can carry on: time for another one. */
  get crowded(): boolean {
    return (
      this.#pending.size * 4 > this.#pending.limit * 3 ||
      this.#wire.unsent > (maxUnsentBytes * 3) / 4
    );
  }

  /** Sends a call, for which there is room. */
  send(call: LaneCall, { method, body, metadata }: Freight): void {
    const id = this.#pending.add(call);
    const { context, due } = call;
    call.id = id;
    const batch = this.#batch;
    const size = callOverhead + body.length + (metadata?.length ?? 0);
    if (batch.size + size > this.#batchBytes) this.#write();
    let timeoutMs = 0;
    if (due !== Number.POSITIVE_INFINITY) {
      timeoutMs = timeoutOf(due - this.#options.clock.monotonic());
      this.#sweep.watch(due);
    }
    const { trace, attempt } = context;
    putCall(batch, { id, method, timeoutMs, trace, previousAttempts: attempt - 1, metadata, body });
    if (size > sharedBodyBytes || batch.count >= maxBatchCount) this.#write();
    else this.#flush.soon(this.#pending.size === 1);
    if (this.#pending.spent) this.#leave();
  }

  /** A caller has left: its call ends with `reason`, and the server is told. */
  giveUp(call: LaneCall, reason: MeshError): void {
    if (this.#pending.take(call.id) === undefined) return;
    call.release();
    call.reject(reason);
    this.#cancel(call.id);
    this.#endIfIdle();
  }

  /** Takes no more calls, and ends when the last reply is here. */
  close(): void {
    if (this.#state === 'greeting')
      this.#call.cancelWithStatus(codes.CANCELLED, 'not needed any more');
    else this.#leave();
  }

  #receive(message: Buffer): void {
    try {
      if (this.#state === 'greeting') this.#welcome(message);
      else this.#work(new ResponseReader(message), message);
    } catch (thrown) {
      this.#fail(MeshError.from(thrown));
    }
  }

  #welcome(message: Buffer): void {
    const { welcome } = ExchangeResponse.decode(message);
    if (welcome?.version !== laneVersion || welcome.maxInFlight === 0) {
      throw malformed('its first message is no welcome of version 1');
    }
    this.#forgetTimer();
    this.#limits = welcome;
    this.#batchBytes = Math.min(maxBatchBytes, welcome.maxMessageBytes / 2);
    // Together with its frame, what travels must be less than one message may hold.
    const { maxMessageBytes, maxBodyBytes, maxMetadataBytes } = welcome;
    this.#limits.maxBodyBytes = Math.min(maxBodyBytes, maxMessageBytes / 2);
    this.#limits.maxMetadataBytes = Math.min(maxMetadataBytes, maxMessageBytes / 4);
    this.#numbers = new Map(welcome.methods.map(({ path, number }) => [path, number]));
    this.#pending = new PendingCalls(Math.min(welcome.maxInFlight, 65_536));
    this.#state = 'open';
    const direct = directWire(this.#call, this.#options.maxMessageBytes, {
      onMessage: (next) => this.#receive(next),
      onBreach: (thrown) => this.#fail(MeshError.from(thrown)),
    });
    if (direct !== undefined) this.#wire = direct;
    this.#wire.readOn();
  }

  /** Works on a message for a part of this turn, and goes on in the next: others have work too. */
  #work(frames: ResponseReader, message: Buffer): void {
    for (let worked = 0; worked < perTurn * 4; worked++) {
      const frame = frames.next();
      if (frame === undefined) {
        this.#wire.readOn();
        this.#endIfIdle();
        return;
      }
      if (frame === 'go-away') this.#goAway(frames.lastId);
      else this.#settle(frames, message);
    }
    setImmediate(() => {
      try {
        this.#work(frames, message);
      } catch (thrown) {
        this.#fail(MeshError.from(thrown));
      }
    });
  }

  #settle({ reply }: ResponseReader, message: Buffer): void {
    const call = this.#pending.take(reply.id);
    // Nobody waits any more: the caller left, or its time was over.
    if (call === undefined) return;
    if (!reply.refused) {
      call.settle(reply, message);
      return;
    }
    call.release();
    const { status, reason = 'LANE_FULL' } = errorOfReply(reply, call.facts);
    call.reject(unreached(call.facts, reply.message, { status, reason, turnedAway: true }));
  }

  #goAway(lastId: number): void {
    if (this.#state === 'open') this.#state = 'leaving';
    for (const call of this.#pending.above(lastId)) {
      call.release();
      const why = 'the server ended the lane before it took the call';
      call.reject(unreached(call.facts, why, { turnedAway: true }));
    }
  }

  #write(): void {
    const batch = this.#batch;
    if (batch.count === 0 || this.#state === 'ended') return;
    const { written } = this.#options;
    written.writes++;
    written.calls += batch.count;
    this.#pending.wrote();
    this.#wire.send(batch);
  }

  #cancel(id: number): void {
    if (this.#state === 'ended' || this.#halfClosed) return;
    putCancel(this.#batch, id);
    this.#flush.soon(false);
  }

  /** Ends what is due; the next deadline. */
  #expire(now: number): number {
    // A timer may fire a moment before its time.
    for (const call of this.#pending.takeWhere(({ due }) => due <= now + 1)) {
      call.release();
      const why = 'no reply before the deadline';
      call.reject(localError(call.facts, why, { status: 'DEADLINE_EXCEEDED' }));
      this.#cancel(call.id);
    }
    this.#endIfIdle();
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#pending.waiting()) if (due < next) next = due;
    return next;
  }

  #leave(): void {
    if (this.#state === 'open') this.#state = 'leaving';
    this.#endIfIdle();
  }

  /** The server ends the stream when it sees the end of ours and all is answered. */
  #endIfIdle(): void {
    if (this.#state !== 'leaving' || this.#pending.size > 0 || this.#halfClosed) return;
    this.#write();
    this.#halfClosed = true;
    this.#call.halfClose();
    // Nobody waits for anything any more, so there is no reason to wait long for the server.
    this.#forgetTimer = this.#options.clock.after(farewellMs, () => {
      this.#call.cancelWithStatus(codes.CANCELLED, 'the lane is over');
    });
  }

  /** Ends the lane for what the server did. */
  #fail(error: MeshError): void {
    if (this.#state === 'ended') return;
    this.#failure ??= error;
    this.#wire.drop();
    this.#call.cancelWithStatus(codes.CANCELLED, error.rawMessage);
  }

  #end({ code, details }: StatusObject): void {
    if (this.#state === 'ended') return;
    const welcomed = this.#state !== 'greeting';
    this.#state = 'ended';
    this.#forgetTimer();
    this.#sweep.stop();
    const why = this.#failure?.rawMessage ?? details;
    const { unreached: safe, inDoubt } = this.#pending.fall();
    for (const call of safe) {
      call.release();
      call.reject(unreached(call.facts, `the lane ended: ${why}`));
    }
    for (const call of inDoubt) {
      call.release();
      call.reject(broken(call, why));
    }
    this.#options.onEnd(this, { welcomed, status: { code, details: why } });
  }
}

/** Whether a handler has seen the call nobody knows. */
function broken({ facts }: LaneCall, why: string): MeshError {
  const details = `the lane broke before the reply: ${why}`;
  return toMeshError({ code: codes.UNAVAILABLE, details, metadata: new GrpcMetadata() }, facts);
}

/** At least 1: 0 would mean no bound, and what has expired is not sent. */
function timeoutOf(ms: number): number {
  return Math.min(Math.max(1, Math.ceil(ms)), 0xffff_ffff);
}
