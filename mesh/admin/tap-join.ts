import { type Span, SpanKind } from '../../gen/weft/admin/v1/admin.ts';
import type { Clock } from '../kernel/clock.ts';

/** A call, or the handling of an event, as both of its sides tell of it. */
export interface Tapped {
  /** As the caller saw it; as its handler did where the caller is not part of the mesh, or did not tell. */
  readonly span: Span;
  /** The handler's own time, in microseconds; undefined where only one side told. */
  readonly handledUs: number | undefined;
}

export interface TapJoin {
  add(span: Span): void;
  /** Tells of those that wait for their other side. */
  flush(): void;
}

/** The longest that a handler's word waits for that of its caller, in ms. */
const waitMs = 300;
/** Calls of which both sides may still speak; a caller that tells first is remembered among so many. */
const remembered = 4096;

/**
 * Makes one of the two spans of a call. A handler knows an address of its caller and not who that is, so
 * what it says waits a moment for the caller, and is told alone when none speaks.
 */
export function createTapJoin(clock: Clock, tell: (tapped: Tapped) => void): TapJoin {
  // By the span of the call that caused them: a repeated call is handled more than once.
  const held = new Map<string, { readonly span: Span; readonly cancel: () => void }[]>();
  const told = new Set<string>();

  const release = (caller: string): void => {
    const spans = held.get(caller) ?? [];
    held.delete(caller);
    for (const { span, cancel } of spans) {
      cancel();
      tell({ span, handledUs: undefined });
    }
  };

  const fromCaller = (span: Span): void => {
    const handled = held.get(span.spanId) ?? [];
    held.delete(span.spanId);
    for (const { cancel } of handled) cancel();
    told.add(span.spanId);
    const [oldest] = told;
    if (told.size > remembered && oldest !== undefined) told.delete(oldest);
    const last = handled.at(-1)?.span.durationUs;
    tell({ span, handledUs: last === undefined ? undefined : Number(last) });
  };

  const fromHandler = (span: Span): void => {
    const caller = span.parentSpanId;
    if (told.has(caller)) return;
    const cancel = clock.after(waitMs, () => release(caller));
    held.set(caller, [...(held.get(caller) ?? []), { span, cancel }]);
  };

  return {
    add(span) {
      if (span.kind === SpanKind.CLIENT) fromCaller(span);
      else if (span.kind === SpanKind.SERVER && span.parentSpanId !== '') fromHandler(span);
      else tell({ span, handledUs: undefined });
    },
    flush() {
      for (const caller of [...held.keys()]) release(caller);
    },
  };
}
