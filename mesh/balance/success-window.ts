/** How many of an endpoint's calls succeeded of late: a ring of counters, one for each slice of time. */
export interface SuccessWindow {
  /** The slice that is being counted: monotonic time / slice length. */
  slice: number;
  readonly calls: number[];
  readonly failures: number[];
}

/** Slices of a window. More would follow time more closely; each costs 16 bytes for every endpoint. */
const slices = 10;

export function newSuccessWindow(): SuccessWindow {
  return {
    slice: 0,
    calls: new Array<number>(slices).fill(0),
    failures: new Array<number>(slices).fill(0),
  };
}

/** Counts the end of one call. */
export function count(window: SuccessWindow, ok: boolean, nowMs: number, windowMs: number): void {
  const slice = Math.floor((nowMs * slices) / windowMs);
  if (slice !== window.slice) advance(window, slice);
  const at = slice % slices;
  window.calls[at] = (window.calls[at] ?? 0) + 1;
  if (!ok) window.failures[at] = (window.failures[at] ?? 0) + 1;
}

/** Forgets everything: what was before an ejection must not cause the next one. */
export function clear({ calls, failures }: SuccessWindow): void {
  calls.fill(0);
  failures.fill(0);
}

/** The share of successes, or 1 while there were fewer than `minCalls`: few calls prove nothing. */
export function successRate(
  { calls, failures }: SuccessWindow,
  { minCalls }: { readonly minCalls: number },
): number {
  const all = sum(calls);
  return all < minCalls ? 1 : 1 - sum(failures) / all;
}

/** Empties the slices that time has passed over, so that an idle hour ages the window like a busy one. */
function advance(window: SuccessWindow, slice: number): void {
  const passed = Math.min(slice - window.slice, slices);
  for (let i = 0; i < passed; i++) {
    const at = (slice - i) % slices;
    window.calls[at] = 0;
    window.failures[at] = 0;
  }
  window.slice = slice;
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const each of counts) total += each;
  return total;
}
