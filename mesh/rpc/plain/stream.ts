import { status as codes, type Metadata as GrpcMetadata, type StatusObject } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { onGivenUp } from '../signals.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { type WireCall, wireError } from './outcome.ts';
import { createReader, endOfStream, type Reader } from './reader.ts';
import { createSender, type Sender } from './sender.ts';
import { createCall, decode, encode, metadataOf, tell, type Wire } from './wire.ts';

interface Named {
  readonly context: AttemptContext;
  readonly facts: CallFacts;
}

/** One attempt of a streaming call over a channel that is connected. */
export async function* streamCall<Req, Res>(
  wire: Wire,
  method: Method<Req, Res>,
  requests: AsyncIterable<Req>,
  named: Named,
): AsyncGenerator<Res, void, undefined> {
  const attempt = new StreamAttempt(wire, method, requests, named);
  const forget = onGivenUp(named.context, (reason) => {
    attempt.end(reason);
  });
  attempt.start();
  try {
    for (;;) {
      const message = await attempt.reader.next();
      if (message === endOfStream) return;
      yield message;
    }
  } finally {
    forget();
    attempt.leave();
  }
}

type Listener = Parameters<WireCall['start']>[1];

/** What grpc-js tells of the call, and the two halves that it feeds. */
class StreamAttempt<Req, Res> implements Listener {
  readonly reader: Reader<Res>;
  readonly #sender: Sender;
  readonly #call: WireCall;
  readonly #wire: Wire;
  readonly #method: Method<Req, Res>;
  readonly #metadata: GrpcMetadata;
  readonly #named: Named;

  constructor(wire: Wire, method: Method<Req, Res>, requests: AsyncIterable<Req>, named: Named) {
    const { context, facts } = named;
    // Throws for what cannot travel, and must do so before there is a call to clean up.
    this.#metadata = metadataOf(context);
    const call = createCall(wire, method.path, context.deadline);
    this.#wire = wire;
    this.#method = method;
    this.#named = named;
    this.#call = call;
    const { report } = context;
    if (report !== undefined) report.transport = 'plain';
    this.reader = createReader<Res>(() => call.startRead());
    this.#sender = createSender({
      ...{ call, requests, clock: wire.clock },
      streaming: method.kind === 'client-stream' || method.kind === 'bidi',
      encode: (request) => {
        const bytes = encode(method.requestType, request, { facts }, wire);
        if (report !== undefined) report.sentBytes += bytes.length;
        return bytes;
      },
      fail: (error) => {
        this.end(error);
      },
    });
  }

  start(): void {
    this.#call.start(this.#metadata, this);
    this.#sender.start();
  }

  /** Ends the call from this side, at once and for a reason that the status of grpc-js does not tell. */
  end(error: MeshError | undefined): void {
    if (error === undefined || this.reader.ended) return;
    this.reader.fail(error);
    this.#cancel(error.rawMessage);
  }

  /** Nobody reads any more: by `break`, or by an error of whoever did. */
  leave(): void {
    if (this.reader.ended) return;
    this.reader.end();
    this.#cancel('the reader left');
  }

  onReceiveMetadata(header: GrpcMetadata): void {
    this.end(tell(this.#named.context.onHeader, header));
  }

  onReceiveMessage(received: Buffer): void {
    const { context, facts } = this.#named;
    if (context.report !== undefined) context.report.receivedBytes += received.length;
    try {
      this.reader.push(decode(this.#method.responseType, received, facts));
    } catch (thrown) {
      this.end(MeshError.from(thrown));
    }
  }

  onReceiveStatus(status: StatusObject): void {
    // Ended from this side already, for a reason that is better than CANCELLED.
    if (this.reader.ended) return;
    const { context, facts } = this.#named;
    const at = { peer: this.#call.getPeer(), target: this.#wire.channel.getTarget() };
    const thrown = tell(context.onTrailer, status.metadata);
    this.#sender.stop();
    this.reader.end(status.code === codes.OK ? thrown : wireError(status, facts, at));
  }

  #cancel(why: string): void {
    this.#sender.giveUp(() => {
      this.#call.cancelWithStatus(codes.CANCELLED, why);
    });
  }
}
