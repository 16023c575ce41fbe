import { status as codes, type Metadata as GrpcMetadata, type StatusObject } from '@grpc/grpc-js';
import type { MeshError } from '../../kernel/error.ts';
import { givenUp, onGivenUp } from '../signals.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { factsOf, localError, type WireCall, wireError } from './outcome.ts';
import { createCall, encode, metadataOf, tell, undecodable, type Wire } from './wire.ts';

/** The connection of an attempt, and how it learns of the end. */
export interface Line extends Wire {
  /** "host:port", for errors. */
  readonly address: string;
  enter(): void;
  leave(): void;
}

/** One unary attempt over a channel that is connected. */
export function unaryCall<Req, Res>(
  line: Line,
  method: Method<Req, Res>,
  request: Req,
  context: AttemptContext,
): Promise<Res> {
  return new Promise((resolve, reject) => {
    new UnaryAttempt(line, method, context).begin(request, resolve, reject);
  });
}

type Listener = Parameters<WireCall['start']>[1];

/** Nothing is asked of grpc-js with a message. */
const noContext = Object.freeze({});

/**
 * What grpc-js tells of the call. One object, with its functions on the prototype, where closures would be a
 * dozen objects a call; errors, their facts and the peer's name are put together only for calls that fail.
 */
class UnaryAttempt<Req, Res> implements Listener {
  readonly #line: Line;
  readonly #method: Method<Req, Res>;
  readonly #context: AttemptContext;
  #call: WireCall | undefined = undefined;
  #resolve: ((response: Res) => void) | undefined = undefined;
  #reject: ((error: MeshError) => void) | undefined = undefined;
  #answered = false;
  #response: Res | undefined = undefined;
  /** Why this side ended the call; more exact than the status that grpc-js then reports. */
  #failure: MeshError | undefined = undefined;
  /** Forgets the caller. */
  #forget: (() => void) | undefined = undefined;

  constructor(line: Line, method: Method<Req, Res>, context: AttemptContext) {
    this.#line = line;
    this.#method = method;
    this.#context = context;
  }

  begin(request: Req, resolve: (response: Res) => void, reject: (error: MeshError) => void): void {
    const line = this.#line;
    const context = this.#context;
    const { path, requestType } = this.#method;
    // All three may throw for what the caller gave, and must do so before there is a call to clean up.
    const reason = givenUp(context);
    if (reason !== undefined) throw reason;
    const bytes = encode(requestType, request, this, line);
    const metadata = metadataOf(context);
    this.#resolve = resolve;
    this.#reject = reject;
    const { report } = context;
    if (report !== undefined) {
      report.transport = 'plain';
      report.sentBytes += bytes.length;
    }
    const call = createCall(line, path, context.deadline);
    this.#call = call;
    line.enter();
    call.start(metadata, this);
    call.startRead();
    call.sendMessageWithContext(noContext, bytes);
    call.halfClose();
    if (context.cancellation !== undefined || context.signal !== undefined) {
      this.#forget = onGivenUp(context, (why) => {
        this.#end(why);
      });
    }
  }

  get facts(): CallFacts {
    return factsOf(this.#method, this.#line.address, this.#context.attempt);
  }

  onReceiveMetadata(header: GrpcMetadata): void {
    const { onHeader } = this.#context;
    if (onHeader !== undefined) this.#end(tell(onHeader, header));
  }

  onReceiveMessage(received: Buffer): void {
    const { report } = this.#context;
    if (report !== undefined) report.receivedBytes += received.length;
    if (this.#answered) {
      this.#end(tooMany(this.facts));
      return;
    }
    this.#answered = true;
    const { responseType } = this.#method;
    try {
      this.#response = responseType.decode(received);
    } catch (thrown) {
      this.#end(undecodable(responseType, this.facts, thrown));
      return;
    }
    // Without a second read a second response would be neither seen nor skipped: the call would
    // hang until its deadline, as it does with a generated stub.
    this.#call?.startRead();
  }

  onReceiveStatus(status: StatusObject): void {
    this.#forget?.();
    this.#line.leave();
    const { onTrailer } = this.#context;
    const thrown = onTrailer && tell(onTrailer, status.metadata);
    const error = this.#errorOf(status) ?? thrown;
    if (error !== undefined) this.#reject?.(error);
    else this.#resolve?.(this.#response as Res);
  }

  #end(error: MeshError | undefined): void {
    if (error === undefined) return;
    this.#failure ??= error;
    this.#call?.cancelWithStatus(codes.CANCELLED, error.rawMessage);
  }

  #errorOf(status: StatusObject): MeshError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (status.code === codes.OK) return this.#answered ? undefined : noMessage(this.facts);
    const target = this.#line.channel.getTarget();
    return wireError(status, this.facts, { peer: this.#call?.getPeer() ?? target, target });
  }
}

function noMessage(facts: CallFacts): MeshError {
  const why = 'the server ended the call with OK and no response';
  return localError(facts, why, { status: 'INTERNAL', reason: 'NO_RESPONSE' });
}

function tooMany(facts: CallFacts): MeshError {
  const why = 'the server sent more than one response';
  return localError(facts, why, { status: 'INTERNAL', reason: 'TOO_MANY_RESPONSES' });
}
