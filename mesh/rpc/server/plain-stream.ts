import {
  status as codes,
  type Metadata as GrpcMetadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { describe } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import { TooLong } from '../frames/faults.ts';
import type { WireListener } from '../frames/stream-wire.ts';
import { sentStatus } from '../grpc-internals.ts';
import { StreamCall, type StreamSite } from './stream-call.ts';
import { type MessageWire, openWire } from './stream-wire.ts';
import { type CallListener, takeOver } from './take-over.ts';

/**
 * Streams, taken from grpc-js one floor below its handlers, as unary calls are (plain-unary.ts): above it a
 * message goes through a node:stream, which costs more than all that weft does with it.
 */
export function takeStreams(
  streams: ReadonlyMap<string, StreamSite>,
  maxMessageBytes: number,
): ServerInterceptor {
  return takeOver((path, call) => {
    const site = streams.get(path);
    return site && new PlainStream(call, site, maxMessageBytes);
  });
}

/** One stream: what grpc-js tells of it, and what comes on its wire. */
class PlainStream implements CallListener, WireListener {
  readonly #call: ServerInterceptingCallInterface;
  readonly #site: StreamSite;
  readonly #wire: MessageWire;
  /** A single request, where that is all that is taken, is complete before anything is begun. */
  readonly #single: boolean;
  readonly #begunMs: number;
  #metadata: GrpcMetadata | undefined = undefined;
  #request: Buffer | undefined = undefined;
  #running: StreamCall | undefined = undefined;
  #refused = false;

  constructor(call: ServerInterceptingCallInterface, site: StreamSite, maxMessageBytes: number) {
    this.#call = call;
    this.#site = site;
    this.#single = site.method.kind === 'server-stream';
    this.#begunMs = site.environment.clock.monotonic();
    this.#wire = openWire(call, maxMessageBytes, this);
  }

  onReceiveMetadata(metadata: GrpcMetadata): void {
    this.#metadata = metadata;
    this.#wire.readOn();
    if (!this.#single) this.#begin(metadata);
  }

  onReceiveMessage(message: Buffer): void {
    this.onMessage(message);
  }

  onMessage(message: Buffer): void {
    if (this.#running !== undefined) this.#running.requests.push(message);
    else if (this.#request !== undefined)
      this.#refuse(codes.UNIMPLEMENTED, `more than one ${only}`);
    else {
      this.#request = message;
      this.#wire.readOn();
    }
  }

  onReceiveHalfClose(): void {
    this.#wire.afterReading(() => {
      if (!this.#single) this.#running?.requests.ended();
      else if (this.#request === undefined) this.#refuse(codes.UNIMPLEMENTED, `no ${only}`);
      else if (!this.#refused && this.#metadata !== undefined) this.#begin(this.#metadata);
    });
  }

  onBreach(thrown: unknown): void {
    const code = thrown instanceof TooLong ? codes.RESOURCE_EXHAUSTED : codes.INTERNAL;
    this.#refuse(code, describe(thrown));
  }

  onLeft(): void {
    this.#running?.left();
  }

  onCancel(): void {
    if (this.#running !== undefined) this.#running.cancelled();
    // It ended before it was complete: it has been refused, or its caller left.
    else this.#observeRefused(sentStatus(this.#call)?.status ?? 'CANCELLED');
  }

  #begin(metadata: GrpcMetadata): void {
    const arrival = { call: this.#call, wire: this.#wire, metadata };
    this.#running = new StreamCall(this.#site, arrival);
    this.#running.start(this.#request);
  }

  /** `onCancel` follows, and whoever reads hears of it. */
  #refuse(code: codes, details: string): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#wire.drop();
    this.#call.sendStatus({ code, details });
  }

  #observeRefused(status: Status): void {
    this.#site.stack.observer.refused(status, this.#begunMs);
  }
}

const only = 'request message came for a method that takes one';
