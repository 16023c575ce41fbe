import { status as codes, type Metadata as GrpcMetadata, type StatusObject } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { TooLong } from '../frames/faults.ts';
import type { WireListener } from '../frames/stream-wire.ts';
import { givenUp, onGivenUp } from '../signals.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { localError, type WireCall, wireError } from './outcome.ts';
import { createReader, type Reader } from './reader.ts';
import { createSender, type Sender } from './sender.ts';
import { type Reading, readPast } from './stream-reading.ts';
import { createCall, decode, encodeWithin, metadataOf, tell, type Wire } from './wire.ts';

interface Named {
  readonly context: AttemptContext;
  readonly facts: CallFacts;
  /** Told once, when the call is over. */
  readonly over: () => void;
}

type Listener = Parameters<WireCall['start']>[1];

/** One attempt of a streaming call over a channel that is connected: what grpc-js tells of it, and the two halves that it feeds. */
export class StreamAttempt<Req, Res> implements Listener, WireListener {
  readonly #reader: Reader<Res>;
  readonly #sender: Sender;
  readonly #call: WireCall;
  readonly #wire: Wire;
  readonly #method: Method<Req, Res>;
  readonly #metadata: GrpcMetadata;
  readonly #named: Named;
  /** How messages come; unknown before the headers are here, and nothing comes before them. */
  #reading: Reading | undefined = undefined;
  #wanted = false;
  #over = false;
  #forget: (() => void) | undefined = undefined;

  /** Throws for what cannot travel, and for a caller who has left: before there is a call to clean up. */
  constructor(wire: Wire, method: Method<Req, Res>, requests: AsyncIterable<Req>, named: Named) {
    const { context, facts } = named;
    const reason = givenUp(context);
    if (reason !== undefined) throw reason;
    this.#metadata = metadataOf(context);
    const call = createCall(wire, method.path, context.deadline);
    this.#wire = wire;
    this.#method = method;
    this.#named = named;
    this.#call = call;
    const { report } = context;
    if (report !== undefined) report.transport = 'plain';
    this.#reader = createReader<Res>(() => {
      this.#wanted = true;
      this.#reading?.readOn();
    });
    this.#sender = createSender({
      ...{ call, requests, clock: wire.clock },
      streaming: method.kind === 'client-stream' || method.kind === 'bidi',
      encode: (request) => {
        const encoded = encodeWithin(method.requestType, request, { facts }, wire);
        if (report !== undefined) report.sentBytes += encoded.length;
        return encoded;
      },
      fail: (error) => {
        this.#end(error);
      },
    });
  }

  start(): void {
    this.#call.start(this.#metadata, this);
    this.#forget = onGivenUp(this.#named.context, (reason) => {
      this.#end(reason);
    });
    if (!this.#over) this.#sender.start();
  }

  next(): Promise<IteratorResult<Res, undefined>> {
    return this.#reader.next();
  }

  /** Nobody reads any more: by `break`, or by an error of whoever did. */
  leave(): void {
    if (this.#reader.ended) return;
    this.#reader.end();
    this.#cancel('the reader left');
  }

  onReceiveMetadata(header: GrpcMetadata): void {
    this.#end(tell(this.#named.context.onHeader, header));
    if (this.#over) return;
    this.#reading =
      readPast(this.#call, this.#wire.maxMessageBytes, this) ?? throughGrpc(this.#call);
    if (this.#wanted) this.#reading.readOn();
  }

  onReceiveMessage(received: Buffer): void {
    this.onMessage(received);
  }

  onMessage(received: Buffer): void {
    const { context, facts } = this.#named;
    if (context.report !== undefined) context.report.receivedBytes += received.length;
    try {
      this.#reader.push(decode(this.#method.responseType, received, facts));
    } catch (thrown) {
      this.#end(MeshError.from(thrown));
    }
  }

  onBreach(thrown: unknown): void {
    const { facts } = this.#named;
    const status = thrown instanceof TooLong ? 'RESOURCE_EXHAUSTED' : 'INTERNAL';
    this.#end(localError(facts, MeshError.from(thrown).rawMessage, { status }));
  }

  onReceiveStatus(status: StatusObject): void {
    // Ended from this side already, for a reason that is better than CANCELLED.
    if (!this.#reader.ended) {
      const { context, facts } = this.#named;
      // Whatever came before the status was sent before it, and is read before it.
      this.#reading?.finish();
      const at = { peer: this.#call.getPeer(), target: this.#wire.channel.getTarget() };
      const thrown = tell(context.onTrailer, status.metadata);
      this.#reader.end(status.code === codes.OK ? thrown : wireError(status, facts, at));
      this.#sender.stop();
    }
    this.#release();
  }

  /** Ends the call from this side, at once and for a reason that the status of grpc-js does not tell. */
  #end(error: MeshError | undefined): void {
    if (error === undefined || this.#reader.ended) return;
    this.#reader.fail(error);
    this.#cancel(error.rawMessage);
  }

  #cancel(why: string): void {
    this.#reading?.drop();
    this.#sender.giveUp(() => {
      this.#call.cancelWithStatus(codes.CANCELLED, why);
    });
    this.#release();
  }

  #release(): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget?.();
    this.#named.over();
  }
}

function throughGrpc(call: WireCall): Reading {
  return {
    readOn: () => {
      call.startRead();
    },
    finish: () => undefined,
    drop: () => undefined,
  };
}
