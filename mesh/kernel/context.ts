import { AsyncLocalStorage } from 'node:async_hooks';
import type { Baggage } from './baggage.ts';
import type { Cancellation } from './cancellation.ts';
import type { Deadline } from './deadline.ts';
import type { Random } from './random.ts';
import { parseTracestate } from './tracestate.ts';

/** The place of this work in a trace (W3C Trace Context Level 2, version 00). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** The span that is running: 16 lower-case hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** `tracestate`: what the tracing systems on the way say to themselves. Passed on as it came, never read. */
  readonly state?: string;
  /** The flags of the caller's `traceparent`, where they are others than 1 (sampled); passed on. */
  readonly flags?: number;
}

/**
 * What a piece of work inherits from the call or event that caused it. Carried by AsyncLocalStorage, so
 * that a handler's own calls keep its deadline, its cancellation and its trace without being told.
 */
export interface Context {
  readonly trace?: TraceContext | undefined;
  /** No work is of use after this. */
  readonly deadline?: Deadline | undefined;
  /** Aborts when whoever waits for this work gave up. */
  readonly signal?: AbortSignal | undefined;
  /** The same, for a price that every call can pay; where it is present, `signal` is made on first use. */
  readonly cancellation?: Cancellation | undefined;
  /** The message that is being handled: what is published meanwhile follows from it. */
  readonly cause?: Cause | undefined;
  /** What the work is told of its circumstances; see `withBaggage`. */
  readonly baggage?: Baggage | undefined;
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
  const trace = { traceId: parent?.traceId ?? random.hex(16), spanId: random.hex(8) };
  // Most traces have neither, and there is one for every call: those pay for two looks and no more.
  if (parent?.state === undefined && parent?.flags === undefined) return trace;
  const { state, flags } = parent;
  return { ...trace, ...(state !== undefined && { state }), ...(flags !== undefined && { flags }) };
}

/**
 * The `traceparent` header of a trace context. Sampled, unless whoever began the trace said otherwise: the ring
 * of recent spans is bounded.
 */
export function formatTraceparent(trace: TraceContext): string {
  const flags = trace.flags === undefined ? '01' : `0${String(trace.flags)}`;
  return `00-${trace.traceId}-${trace.spanId}-${flags}`;
}

// Read for every call: looking ahead for what must not be there would double its price.
const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;
const usualLength = 55;
const noTraceId = '0'.repeat(32);
const noSpanId = '0'.repeat(16);

/**
 * Reads a `traceparent` header, and the `tracestate` that came with it. Undefined if the first is absent or
 * malformed: the trace then starts anew, and what others noted on the old one is not carried into it.
 */
export function parseTraceparent(
  header: string | undefined,
  tracestate?: string,
): TraceContext | undefined {
  if (header === undefined) return undefined;
  const match = pattern.exec(header);
  const [, traceId = noTraceId, spanId = noSpanId, bits = ''] = match ?? [];
  if (traceId === noTraceId || spanId === noSpanId || !isWhole(header)) return undefined;
  const trace = { traceId, spanId };
  return bits === '01' && tracestate === undefined ? trace : withRest(trace, bits, tracestate);
}

function withRest(trace: TraceContext, bits: string, tracestate?: string): TraceContext {
  const state = tracestate === undefined ? undefined : parseTracestate(tracestate);
  // Two flags are known, sampled and random-trace-id; of others nobody may speak.
  const flags = Number.parseInt(bits, 16) & 3;
  return {
    ...trace,
    ...(state !== undefined && { state }),
    ...(flags !== 1 && { flags }),
  };
}

/** Later versions may say more behind another dash; this one does not, and "ff" is none. */
function isWhole(header: string): boolean {
  if (header.startsWith('ff')) return false;
  return header.length === usualLength || (header[usualLength] === '-' && !header.startsWith('00'));
}
