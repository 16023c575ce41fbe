import { AsyncLocalStorage } from 'node:async_hooks';
import type { Cancellation } from './cancellation.ts';
import type { Deadline } from './deadline.ts';
import type { Random } from './random.ts';

/** The place of this work in a trace (W3C Trace Context, version 00). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** The span that is running: 16 lower-case hexadecimal digits, not all zero. */
  readonly spanId: string;
}

/**
 * What a piece of work inherits from the call or event that caused it. Carried by AsyncLocalStorage, so
 * that a handler's own calls keep its deadline, its cancellation and its trace without being told.
 */
export interface Context {
  readonly trace?: TraceContext | undefined;
  /** No work is of use after this. */
  readonly deadline?: Deadline;
  /** Aborts when whoever waits for this work gave up. */
  readonly signal?: AbortSignal;
  /** The same, for a price that every call can pay; where it is present, `signal` is made on first use. */
  readonly cancellation?: Cancellation;
  /** The message that is being handled: what is published meanwhile follows from it. */
  readonly cause?: Cause;
}

/** A message as the cause of others. */
export interface Cause {
  readonly id: string;
  /** The conversation that it belongs to. */
  readonly correlationId: string;
}

const storage = new AsyncLocalStorage<Context>();
const empty: Context = {};

/** The context of the running work; empty outside of any. */
export function currentContext(): Context {
  return storage.getStore() ?? empty;
}

/** Runs `work` under `context`; everything it awaits sees the same. */
export function runInContext<T>(context: Context, work: () => T): T {
  return storage.run(context, work);
}

/** Runs a function of two arguments under a context; see `contextRoot`. */
export type RunUnder = <A, B, T>(context: Context, work: (a: A, b: B) => T, a: A, b: B) => T;

/**
 * `runInContext` for those who begin new work all the time, as a server does: what surrounds the work is what
 * surrounded this call, not whoever happens to hand it in. So nothing has to be put back afterwards, which is
 * half of the price of `runInContext` (Node 24 copies a Map each way).
 */
export function contextRoot(): RunUnder {
  // A snapshot costs microseconds to take and little to enter.
  const inside = AsyncLocalStorage.snapshot();
  function enter<A, B, T>(context: Context, work: (a: A, b: B) => T, a: A, b: B): T {
    storage.enterWith(context);
    return work(a, b);
  }
  return (context, work, a, b) =>
    inside(enter<typeof a, typeof b, ReturnType<typeof work>>, context, work, a, b);
}

/** A new span under `parent`, or the root of a new trace. */
export function childTrace(parent: TraceContext | undefined, random: Random): TraceContext {
  return { traceId: parent?.traceId ?? random.hex(16), spanId: random.hex(8) };
}

/** The `traceparent` header of a trace context. Always sampled: the ring of recent spans is bounded. */
export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-01`;
}

const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/;

/** Reads a `traceparent` header; undefined if it is absent or malformed (the trace then starts anew). */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  const match = header === undefined ? null : pattern.exec(header);
  const [, traceId, spanId] = match ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId) || header?.startsWith('ff')) return undefined;
  return { traceId, spanId };
}
