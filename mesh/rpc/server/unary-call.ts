import type { Caller } from '../../identity/caller.ts';
import { type Baggage, parseBaggage } from '../../kernel/baggage.ts';
import type { Metadata, MethodInfo, TransportKind } from '../../kernel/call.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import { childTrace, parseTraceparent, type TraceContext } from '../../kernel/context.ts';
import type { Deadline } from '../../kernel/deadline.ts';
import type { MeshError } from '../../kernel/error.ts';
import { type Scope, WorkScope } from '../../kernel/scope.ts';
import { type Encoded, noBytes } from '../encode.ts';
import { metadataBytes } from '../metadata.ts';
import { Entries, headersSent } from './answer.ts';
import type { CallEnvironment, ServerContext, Traffic } from './call.ts';
import type { Answer, Arrival, RunningCall } from './dispatch.ts';
import { goneError, passedError } from './gone.ts';
import type { Stack } from './stack.ts';

/** What all calls of one method share. */
export interface UnarySite {
  readonly method: MethodInfo;
  readonly stack: Stack;
  readonly environment: CallEnvironment;
}

type Setter = (key: string, value: string | Uint8Array) => void;

/**
 * One unary call, in one object: what its handler sees, what its transport holds, and the way through the
 * stack (stack.ts has the order and the reasons). A class with getters, where a stack of closures would be
 * clearer, because it is made for every call: what nobody asks for (signal, trace, headers) is never made.
 */
export class UnaryCall extends WorkScope implements ServerContext, RunningCall, Answer, Traffic {
  readonly deadline?: Deadline;
  error: MeshError | undefined = undefined;
  body: Encoded = noBytes;
  sentBytes = 0;
  receivedBytes: number;
  readonly #site: UnarySite;
  readonly #arrival: Arrival;
  #answered = false;
  #trace: TraceContext | undefined = undefined;
  #parent: TraceContext | undefined = undefined;
  #header: Entries | undefined = undefined;
  #trailer: Entries | undefined = undefined;

  constructor(site: UnarySite, arrival: Arrival) {
    super();
    this.#site = site;
    this.#arrival = arrival;
    this.receivedBytes = arrival.bodyEnd - arrival.bodyStart;
    site.stack.observer.begin();
    if (arrival.timeoutMs !== undefined) this.deadline = { at: arrival.nowMs + arrival.timeoutMs };
  }

  /** Begins; the handler's first step is run before this returns, the answer comes later. */
  start(): this {
    this.#site.environment.running.add(this);
    this.#run();
    return this;
  }

  get header(): Metadata | undefined {
    return this.#header?.all;
  }

  get trailer(): Metadata | undefined {
    return this.#trailer?.all;
  }

  get method(): MethodInfo {
    return this.#site.method;
  }

  get arrivedMs(): number {
    return this.#arrival.nowMs;
  }

  get metadata(): Metadata {
    return this.#arrival.metadata;
  }

  get metadataBytes(): number {
    return this.#arrival.metadataBytes ?? metadataBytes(this.#arrival.metadata);
  }

  get transport(): TransportKind {
    return this.#arrival.transport;
  }

  get peer(): string {
    return this.#arrival.peer;
  }

  get caller(): Caller | undefined {
    return this.#arrival.caller;
  }

  get attempt(): number {
    return this.#arrival.attempt;
  }

  get draining(): AbortSignal {
    return this.#site.environment.draining;
  }

  get traffic(): Traffic {
    return this;
  }

  get scope(): Scope {
    return this;
  }

  get cancellation(): Cancellation {
    return this;
  }

  get trace(): TraceContext {
    return this.#trace ?? this.#readTrace();
  }

  get baggage(): Baggage | undefined {
    return this.#arrival.baggage === undefined ? undefined : readBaggage(this.#arrival);
  }

  get parentSpanId(): string | undefined {
    if (this.#trace === undefined) this.#readTrace();
    return this.#parent?.spanId;
  }

  #readTrace(): TraceContext {
    const { traceparent, tracestate } = this.#arrival;
    this.#parent = parseTraceparent(traceparent, tracestate);
    this.#trace = childTrace(this.#parent, this.#site.environment.random);
    return this.#trace;
  }

  // A function that needs no `this`: handlers take it out of the context.
  get setHeader(): Setter {
    return (key, value) => {
      if (this.#answered) throw headersSent(this.method, key);
      this.#header ??= new Entries();
      this.#header.set(key, value);
    };
  }

  get setTrailer(): Setter {
    return (key, value) => {
      this.#trailer ??= new Entries();
      this.#trailer.set(key, value);
    };
  }

  override abort(reason: MeshError): void {
    if (this.#answered) return;
    super.abort(reason);
    // The handler may go on, but whoever still listens is told why nothing more will come.
    this.#answer(reason, noBytes);
  }

  deadlinePassed(): MeshError {
    return passedError(this.method);
  }

  callerGone(): MeshError {
    return goneError(this.method, this.deadline, this.#site.environment.clock);
  }

  /** Not an async function: that would make a second promise and a generator for each call. */
  #run(): void {
    this.#response()?.then(
      (response) => this.#succeed(response),
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  /** What the handler has promised; undefined if the call has failed. */
  #response(): Promise<unknown> | undefined {
    const { stack, environment } = this.#site;
    const { message, bodyStart, bodyEnd } = this.#arrival;
    try {
      for (const refuse of stack.refusals) refuse(this);
      const request = stack.receive(message, bodyStart, bodyEnd);
      return Promise.resolve(environment.runUnder(this, stack.handler, request, this));
    } catch (thrown) {
      // What is refused is thrown before `run` has returned, and an answer must not come before that.
      queueMicrotask(() => this.#fail(thrown));
      return undefined;
    }
  }

  #succeed(response: unknown): void {
    try {
      this.#answer(undefined, this.#site.stack.codec.encode(response));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    this.#answer(this.#site.stack.outward(thrown, this), noBytes);
  }

  /** The one answer of the call; whatever comes after the first is dropped. */
  #answer(error: MeshError | undefined, body: Encoded): void {
    if (this.#answered) return;
    this.#answered = true;
    const { stack, environment } = this.#site;
    this.finish();
    environment.running.delete(this);
    this.sentBytes = body.length;
    stack.observer.end(this, error?.status ?? 'OK', error);
    this.error = error;
    this.body = body;
    this.#arrival.reply(this);
    this.body = noBytes;
  }
}

// Beside the calls and not in them: a field costs every call, and few bring baggage.
const readings = new WeakMap<Arrival, { readonly baggage: Baggage | undefined }>();

function readBaggage(arrival: Arrival): Baggage | undefined {
  let reading = readings.get(arrival);
  if (reading === undefined) {
    reading = { baggage: parseBaggage(arrival.baggage ?? '') };
    readings.set(arrival, reading);
  }
  return reading.baggage;
}
