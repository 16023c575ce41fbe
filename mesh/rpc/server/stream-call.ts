import {
  status as codes,
  type Metadata as GrpcMetadata,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import type { MethodInfo } from '../../kernel/call.ts';
import { runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { isCutOff } from '../cut-off.ts';
import { sentStatus } from '../grpc-internals.ts';
import { toStatus } from '../status.ts';
import { type CallEnvironment, openStream, type StreamContext } from './call.ts';
import { goneError } from './gone.ts';
import { Requests } from './requests.ts';
import type { Stack } from './stack.ts';
import type { MessageWire } from './stream-wire.ts';

/** What all streams of one method share. */
export interface StreamSite {
  readonly method: MethodInfo;
  readonly stack: Stack;
  readonly environment: CallEnvironment;
}

/** How a stream came, and the way of its messages. */
export interface StreamArrival {
  readonly call: ServerInterceptingCallInterface;
  readonly metadata: GrpcMetadata;
  readonly wire: MessageWire;
}

/**
 * One stream on its way through the stack (stack.ts has the order and the reasons), and the pump that takes from
 * its handler what it yields. One object with one promise a message, where a layer of async generators for each
 * step of the stack would make three promises a layer.
 */
export class StreamCall {
  /** What the handler reads; the transport feeds it. Not used where the request is a single one. */
  readonly requests: Requests;
  readonly #site: StreamSite;
  readonly #arrival: StreamArrival;
  readonly #context: StreamContext;
  readonly #where: string;
  #output: AsyncIterator<unknown> | undefined = undefined;
  /** The pump waits until something has left. */
  #held = false;
  #over = false;

  constructor(site: StreamSite, arrival: StreamArrival) {
    const { method, environment, stack } = site;
    this.#site = site;
    this.#arrival = arrival;
    this.#context = openStream(arrival, method, environment);
    this.#where = `${method.service}/${method.name}`;
    const { clock, resetGraceMs } = environment;
    this.requests = new Requests({
      ...{ clock, resetGraceMs },
      receive: (bytes) => this.#receive(bytes),
      readOn: () => {
        arrival.wire.readOn();
      },
    });
    stack.observer.begin();
  }

  /** Begins; the handler's first step is run before this returns. `request`: the single one of a server stream. */
  start(request?: Buffer): void {
    const { scope } = this.#context;
    const { environment, stack } = this.#site;
    environment.running.add(scope);
    scope.onAbort((reason) => {
      this.#cut(reason);
    });
    try {
      for (const refuse of stack.refusals) refuse(this.#context);
      const input = request === undefined ? this.requests : this.#receive(request);
      environment.runUnder(this.#context, this.#begin, input, this);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Something that was sent has left. */
  left(): void {
    if (!this.#held || this.#over || this.#arrival.wire.full) return;
    this.#held = false;
    runInContext(this.#context, () => {
      this.#pull();
    });
  }

  /** grpc-js has ended the call: its caller left, its deadline passed, or what came could not be read. */
  cancelled(): void {
    // grpc-js says so after every call, answered ones too; an error costs microseconds to make.
    if (this.#over) return;
    const { method, environment } = this.#site;
    const { scope, deadline } = this.#context;
    const { call } = this.#arrival;
    scope.abort(endedError(call, method) ?? goneError(method, deadline, environment.clock));
  }

  #receive(bytes: Buffer): unknown {
    if (isCutOff(bytes)) throw givenUp(this.#where);
    const message = this.#site.stack.receive(bytes, 0, bytes.length);
    this.#context.traffic.receivedBytes += bytes.length;
    return message;
  }

  /** Runs in the context that the handler's own calls inherit, and so does what it leads to. */
  readonly #begin = (input: unknown): void => {
    const { method, stack } = this.#site;
    const output = stack.handler(input, this.#context);
    if (method.kind === 'client-stream') {
      Promise.resolve(output).then(this.#answered, this.#broke);
      return;
    }
    if (!isAsyncIterable(output)) {
      throw new TypeError(`the handler of ${this.#where} did not return an async iterable`);
    }
    this.#output = output[Symbol.asyncIterator]();
    this.#pull();
  };

  #pull(): void {
    const output = this.#output;
    if (output === undefined) return;
    try {
      // An iterator that was written by hand may give its step as it is.
      Promise.resolve(output.next()).then(this.#took, this.#broke);
    } catch (thrown) {
      this.#broke(thrown);
    }
  }

  readonly #took = (step: IteratorResult<unknown>): void => {
    if (this.#over) return;
    if (step.done === true) {
      this.#end();
      return;
    }
    try {
      this.#send(step.value);
    } catch (thrown) {
      // The handler is told first, and its caller when it has cleaned up.
      void this.#leave().then(() => {
        this.#fail(thrown);
      });
      return;
    }
    if (this.#arrival.wire.full) this.#held = true;
    else this.#pull();
  };

  readonly #broke = (thrown: unknown): void => {
    this.#output = undefined;
    this.#fail(thrown);
  };

  readonly #answered = (response: unknown): void => {
    if (this.#over) return;
    try {
      this.#send(response);
      this.#end();
    } catch (thrown) {
      this.#fail(thrown);
    }
  };

  #send(message: unknown): void {
    const encoded = this.#site.stack.codec.encode(message);
    this.#context.sendHeaders();
    this.#arrival.wire.send(encoded);
    this.#context.traffic.sentBytes += encoded.length;
  }

  /** The call has ended early: nobody is waited for, neither here nor there. */
  #cut(reason: MeshError): void {
    if (this.#over) return;
    this.requests.abort(reason);
    void this.#leave();
    this.#fail(reason);
  }

  /** Tells the handler that nobody takes what it would yield. */
  async #leave(): Promise<void> {
    const output = this.#output;
    this.#output = undefined;
    try {
      await runInContext(this.#context, () => output?.return?.());
    } catch {
      // Why it is left is what counts.
    }
  }

  #fail(thrown: unknown): void {
    if (!this.#over) this.#end(this.#site.stack.outward(thrown, this.#context));
  }

  /** The one end of the call; whatever comes after the first is dropped. */
  #end(error?: MeshError): void {
    this.#over = true;
    const { environment, stack } = this.#site;
    const { call, wire } = this.#arrival;
    const context = this.#context;
    const { scope } = context;
    // A handler may end well although nobody waited for it any more; the caller saw it fail.
    const failure = scope.reason ?? error;
    stack.observer.end(context, failure?.status ?? 'OK', failure);
    wire.flush();
    call.sendStatus(statusOf(error, context));
    wire.drop();
    scope.finish();
    environment.running.delete(scope);
  }
}

function statusOf(error: MeshError | undefined, context: StreamContext) {
  // Without a message there are headers only if the handler has set some.
  context.sendSetHeaders();
  const trailers = context.trailers();
  if (error === undefined) return { code: codes.OK, details: 'OK', metadata: trailers };
  const status = toStatus(error);
  status.metadata.merge(trailers);
  return status;
}

/** Why grpc-js has ended a stream by itself, as for a message that is too large; a deadline is told by `goneError`. */
function endedError(
  call: ServerInterceptingCallInterface,
  { path }: MethodInfo,
): MeshError | undefined {
  const sent = sentStatus(call);
  if (sent === undefined || sent.status === 'OK' || sent.status === 'DEADLINE_EXCEEDED') return;
  return new MeshError(`${path.slice(1)}: ${sent.message}`, { status: sent.status });
}

function givenUp(where: string): MeshError {
  const message = `${where}: the caller gave the stream up before its end`;
  return new MeshError(message, { status: 'CANCELLED', reason: 'CALLER_GONE' });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
