import type { Metadata, MethodInfo, TransportKind } from '../../kernel/call.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import {
  childTrace,
  parseTraceparent,
  runInContext,
  type TraceContext,
} from '../../kernel/context.ts';
import type { Deadline } from '../../kernel/deadline.ts';
import type { MeshError } from '../../kernel/error.ts';
import { metadataBytes } from '../metadata.ts';
import { Entries, headersSent } from './answer.ts';
import type { CallEnvironment, ServerContext, Traffic } from './call.ts';
import type { Answer, Arrival, RunningCall } from './dispatch.ts';
import { goneError, passedError } from './gone.ts';
import { createScope, type Scope } from './scope.ts';
import type { UnaryStack } from './stack.ts';

const noBytes = Buffer.alloc(0);

/** What all calls of one method share. */
export interface UnarySite {
  readonly method: MethodInfo;
  readonly stack: UnaryStack;
  readonly environment: CallEnvironment;
}

type Setter = (key: string, value: string | Uint8Array) => void;

/**
 * One unary call, in one object: what its handler sees, what its transport holds, and the way through the
 * stack (stack.ts has the order and the reasons). A class with getters, where a stack of closures would be
 * clearer, because it is made for every call: what nobody asks for (signal, trace, headers) is never made.
 */
export class UnaryCall implements ServerContext, RunningCall, Traffic {
  readonly scope: Scope = createScope();
  readonly deadline?: Deadline;
  sentBytes = 0;
  receivedBytes: number;
  readonly #site: UnarySite;
  readonly #arrival: Arrival;
  readonly #reply: (answer: Answer) => void;
  readonly #begun: number;
  #answered = false;
  #trace: TraceContext | undefined = undefined;
  #parent: TraceContext | undefined = undefined;
  #header: Entries | undefined = undefined;
  #trailer: Entries | undefined = undefined;

  constructor(site: UnarySite, arrival: Arrival, reply: (answer: Answer) => void) {
    this.#site = site;
    this.#arrival = arrival;
    this.#reply = reply;
    this.receivedBytes = arrival.body.length;
    this.#begun = site.stack.observer.begin();
    if (arrival.timeoutMs !== undefined) this.deadline = { at: this.#begun + arrival.timeoutMs };
  }

  /** Begins; the handler's first step is run before this returns, the answer comes later. */
  start(): this {
    this.#site.environment.running.add(this);
    void this.#run();
    return this;
  }

  get method(): MethodInfo {
    return this.#site.method;
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

  get attempt(): number {
    return this.#arrival.attempt;
  }

  get draining(): AbortSignal {
    return this.#site.environment.draining;
  }

  get traffic(): Traffic {
    return this;
  }

  get cancellation(): Cancellation {
    return this.scope;
  }

  get signal(): AbortSignal {
    return this.scope.signal;
  }

  get trace(): TraceContext {
    return this.#trace ?? this.#readTrace();
  }

  get parentSpanId(): string | undefined {
    if (this.#trace === undefined) this.#readTrace();
    return this.#parent?.spanId;
  }

  #readTrace(): TraceContext {
    this.#parent = parseTraceparent(this.#arrival.traceparent);
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

  abort(reason: MeshError): void {
    if (this.#answered) return;
    this.scope.abort(reason);
    // The handler may go on, but whoever still listens is told why nothing more will come.
    this.#answer(reason, noBytes);
  }

  deadlinePassed(): MeshError {
    return passedError(this.method);
  }

  callerGone(): MeshError {
    return goneError(this.method, this.deadline, this.#site.environment.clock);
  }

  async #run(): Promise<void> {
    const { stack } = this.#site;
    try {
      for (const refuse of stack.refusals) refuse(this);
      const request = stack.receive(this.#arrival.body);
      const response = await runInContext(this, () => stack.handler(request, this));
      const body = stack.codec.encode(response);
      this.#answer(undefined, body);
    } catch (thrown) {
      // What is refused is thrown before `run` has returned, and an answer must not come before that.
      await Promise.resolve();
      this.#answer(stack.outward(thrown, this), noBytes);
    }
  }

  /** The one answer of the call; whatever comes after the first is dropped. */
  #answer(error: MeshError | undefined, body: Uint8Array): void {
    if (this.#answered) return;
    this.#answered = true;
    const { stack, environment } = this.#site;
    this.scope.finish();
    environment.running.delete(this);
    this.sentBytes = body.length;
    stack.observer.end(this, error?.status ?? 'OK', this.#begun);
    this.#reply({ error, body, header: this.#header?.all, trailer: this.#trailer?.all });
  }
}
