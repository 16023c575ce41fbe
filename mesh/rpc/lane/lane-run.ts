import type { Caller } from '../../identity/caller.ts';
import type { Metadata } from '../../kernel/call.ts';
import type { Answer, Arrival, RunningCall } from '../server/dispatch.ts';
import type { IncomingCall } from './request-frames.ts';

/** What a call needs of its lane. */
export interface Origin {
  readonly peer: string;
  readonly caller: Caller | undefined;
  reply(run: LaneRun, answer: Answer): void;
}

/** A call that the server runs for a lane. A class, because there is one for every call. */
export class LaneRun implements Arrival {
  readonly transport = 'lane';
  readonly id: number;
  readonly message: Buffer;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly metadata: Metadata;
  readonly traceparent: string | undefined;
  // No fields of every call: they are there when they came.
  declare readonly tracestate?: string;
  declare readonly baggage?: string;
  readonly attempt: number;
  readonly nowMs: number;
  /** In monotonic ms; Infinity: none. */
  readonly due: number;
  /** Set as soon as it runs. */
  call: RunningCall | undefined = undefined;
  readonly #origin: Origin;

  constructor(
    origin: Origin,
    message: Buffer,
    frame: IncomingCall,
    { arrivedMs, nowMs }: { readonly arrivedMs: number; readonly nowMs: number },
  ) {
    this.#origin = origin;
    this.message = message;
    this.id = frame.id;
    this.bodyStart = frame.bodyStart;
    this.bodyEnd = frame.bodyEnd;
    this.metadata = frame.metadata;
    this.traceparent = frame.traceparent;
    if (frame.tracestate !== undefined) this.tracestate = frame.tracestate;
    if (frame.baggage !== undefined) this.baggage = frame.baggage;
    this.attempt = frame.previousAttempts + 1;
    this.nowMs = nowMs;
    this.due = frame.timeoutMs > 0 ? arrivedMs + frame.timeoutMs : Number.POSITIVE_INFINITY;
  }

  get peer(): string {
    return this.#origin.peer;
  }

  get caller(): Caller | undefined {
    return this.#origin.caller;
  }

  /** It may have waited here, behind others of its message. */
  get timeoutMs(): number | undefined {
    return this.due === Number.POSITIVE_INFINITY ? undefined : this.due - this.nowMs;
  }

  reply(answer: Answer): void {
    this.#origin.reply(this, answer);
  }
}
