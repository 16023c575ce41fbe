import {
  status as codes,
  type Metadata as GrpcMetadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import type { Caller } from '../../identity/caller.ts';
import type { Metadata } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import { noBytes, ownBytes } from '../encode.ts';
import { compressedWithoutEncoding, isClosed, resetStream, sentStatus } from '../grpc-internals.ts';
import { type ArrivedMetadata, arrivedMetadata, toGrpcMetadata } from '../metadata.ts';
import { callerOfCall } from '../mtls/peer.ts';
import { toStatus } from '../status.ts';
import { type Arriving, createArriving, type Late } from './arriving.ts';
import { type CallEnvironment, unixPeer } from './call.ts';
import type { Answer, Arrival, RunningCall, UnaryMethod } from './dispatch.ts';
import type { Observer } from './observe.ts';
import { type CallListener, takeOver } from './take-over.ts';

const nothing = (): void => undefined;

/**
 * Unary calls of plain gRPC, taken from grpc-js one floor below its handlers: as an interceptor, which gets
 * each call before grpc-js wraps it into an event emitter, a second copy of its state and an async function.
 * Two more things are only to be had here: a request that never becomes complete is seen, and the status can
 * follow the message at once.
 */
export function takeUnaryCalls(
  methods: ReadonlyMap<string, UnaryMethod>,
  observers: ReadonlyMap<string, Observer>,
  environment: CallEnvironment,
): ServerInterceptor {
  const arriving = createArriving(environment.clock, environment.requestTimeoutMs);
  return takeOver((path, call) => {
    const method = methods.get(path);
    return method && new PlainCall(call, { method, observers, environment, arriving });
  });
}

interface Site {
  readonly method: UnaryMethod;
  readonly observers: ReadonlyMap<string, Observer>;
  readonly environment: CallEnvironment;
  readonly arriving: Arriving;
}

/** One call: what grpc-js tells it, and what the server stack asks of it. */
class PlainCall implements CallListener, Arrival, Late {
  readonly transport = 'plain';
  readonly bodyStart = 0;
  readonly begunMs: number;
  nowMs = 0;
  #body: Buffer | undefined = undefined;
  #arrived: ArrivedMetadata = nothingYet;
  #running: RunningCall | undefined = undefined;
  #caller: Caller | undefined = undefined;
  #over = false;
  readonly #call: ServerInterceptingCallInterface;
  readonly #site: Site;

  constructor(call: ServerInterceptingCallInterface, site: Site) {
    this.#call = call;
    this.#site = site;
    this.begunMs = site.environment.clock.monotonic();
  }

  get message(): Uint8Array {
    return this.#body ?? noBytes.bytes;
  }

  get bodyEnd(): number {
    return this.message.length;
  }

  get metadata(): Metadata {
    return this.#arrived.metadata;
  }

  get metadataBytes(): number {
    return this.#arrived.bytes;
  }

  get traceparent(): string | undefined {
    return this.#arrived.traceparent;
  }

  get tracestate(): string | undefined {
    return this.#arrived.tracestate;
  }

  get baggage(): string | undefined {
    return this.#arrived.baggage;
  }

  get attempt(): number {
    return this.#arrived.attempt;
  }

  /** grpc-js turns grpc-timeout into a time of day; weft goes on with what is left. */
  get timeoutMs(): number | undefined {
    const at = Number(this.#call.getDeadline());
    return Number.isFinite(at) ? at - this.#site.environment.clock.now() : undefined;
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.#call.getConnectionInfo();
    if (remoteAddress === undefined) return unixPeer;
    return `${remoteAddress}:${String(remotePort)}`;
  }

  /** Once the call is over its connection cannot be asked any more; with an identity it is asked at once. */
  get caller(): Caller | undefined {
    return (this.#caller ??= callerOfCall(this.#call));
  }

  onReceiveMetadata(metadata: GrpcMetadata): void {
    this.#arrived = arrivedMetadata(metadata);
    this.#site.arriving.add(this);
    this.#call.startRead();
  }

  onReceiveMessage(message: Buffer): void {
    if (this.#body !== undefined) {
      this.#refuse('UNIMPLEMENTED', 'more than one request message came for a unary method');
    } else if (compressedWithoutEncoding(this.#call, message)) {
      // As gRPC's specification of compression has it.
      this.#refuse(
        'INTERNAL',
        'the message is marked as compressed, but grpc-encoding says how not',
      );
    } else {
      this.#body = message;
      this.#call.startRead();
    }
  }

  onReceiveHalfClose(): void {
    const { arriving, method } = this.#site;
    arriving.delete(this);
    if (this.#over) return;
    if (this.#body === undefined) {
      // Cut off, not at its end: `onCancel` follows.
      if (isClosed(this.#call)) return;
      this.#refuse('UNIMPLEMENTED', 'no request message came for a unary method');
      return;
    }
    this.nowMs = this.#site.environment.clock.monotonic();
    this.#running = method.run(this);
  }

  onCancel(): void {
    this.#site.arriving.delete(this);
    // grpc-js says so after every call, answered ones too; an error costs microseconds to make.
    if (this.#over) return;
    if (this.#running !== undefined) {
      this.#running.abort(this.#running.callerGone());
      return;
    }
    // It ended before it was complete: grpc-js has refused it, or its caller left.
    this.#over = true;
    this.#observeRefused(sentStatus(this.#call)?.status ?? 'CANCELLED');
  }

  late(): void {
    const { requestTimeoutMs } = this.#site.environment;
    const seconds = String(requestTimeoutMs / 1000);
    const text = `the request was not complete within ${seconds} s; send it faster, or as a stream`;
    this.#refuse('DEADLINE_EXCEEDED', text, 'REQUEST_TOO_SLOW');
    // The caller may go on for ever: only a reset frees the slot that its stream holds.
    resetStream(this.#call);
  }

  #refuse(
    status: 'UNIMPLEMENTED' | 'INTERNAL' | 'DEADLINE_EXCEEDED',
    why: string,
    reason?: string,
  ) {
    if (this.#over) return;
    this.#over = true;
    this.#site.arriving.delete(this);
    const path = this.#site.method.path.slice(1);
    const options = reason === undefined ? { status } : { status, reason };
    this.#observeRefused(status);
    this.#call.sendStatus(toStatus(new MeshError(`${path}: ${why}`, options)));
  }

  /** For the calls that never reach the stack, which observes all others. */
  #observeRefused(status: Status): void {
    const { observers, method } = this.#site;
    observers.get(method.path)?.refused(status, this.begunMs);
  }

  reply({ error, body, header, trailer }: Answer): void {
    this.#over = true;
    const call = this.#call;
    if (header !== undefined) call.sendMetadata(toGrpcMetadata(header));
    const trailers = trailer === undefined ? null : toGrpcMetadata(trailer);
    if (error !== undefined) {
      const status = toStatus(error);
      if (trailers !== null) status.metadata.merge(trailers);
      call.sendStatus(status);
      return;
    }
    // grpc-js holds on to what it is given.
    call.sendMessage(ownBytes(body), nothing);
    // Not once the message is written, as grpc-js does it for its own handlers: message and status leave in
    // one write then, which saves either side a turn of its event loop.
    call.sendStatus({ code: codes.OK, details: 'OK', metadata: trailers });
  }
}

const nothingYet: ArrivedMetadata = { metadata: {}, bytes: 0, traceparent: undefined, attempt: 1 };
