import { formatBaggage, parseBaggage } from './baggage.ts';
import { type Context, currentContext, formatTraceparent, parseTraceparent } from './context.ts';

/** What a piece of work hands on to what it causes: its place in a trace, and its baggage. */
export type Origin = Pick<Context, 'trace' | 'baggage'>;

/**
 * The origin of the running work as a text that a row can keep, for a service that goes on with it later from a table
 * of its own; null when there is nothing to keep. Three lines: the W3C headers traceparent, tracestate and baggage.
 */
export function originText({ trace, baggage }: Origin = currentContext()): string | null {
  if (trace === undefined && baggage === undefined) return null;
  const parent = trace === undefined ? '' : formatTraceparent(trace);
  const carried = (baggage && formatBaggage(baggage)) ?? '';
  // No header holds an end of a line. What is not said at the end needs no line.
  return `${parent}\n${trace?.state ?? ''}\n${carried}`.trimEnd() || null;
}

/** Reads what `originText` wrote: `runInContext(originOf(row.origin), work)`. What makes no sense is left out. */
export function originOf(text: string | null): Origin {
  if (text === null) return {};
  const [parent = '', state = '', carried = ''] = text.split('\n', 3);
  const trace = parseTraceparent(parent, state === '' ? undefined : state);
  const baggage = carried === '' ? undefined : parseBaggage(carried);
  return { ...(trace && { trace }), ...(baggage && { baggage }) };
}
