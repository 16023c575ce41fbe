import type { Clock } from '../kernel/clock.ts';

/** How long calls took of late, as a distribution. */
export interface LatencyWindow {
  add(ms: number): void;
  /**
   * The time under which `share` (0 to 1) of the calls of the last one to two windows stayed, in ms, up to 9 %
   * above the truth. Undefined while there are too few calls to tell: fewer than 1 / (1 - share).
   */
  percentile(share: number): number | undefined;
}

/** Buckets for each doubling of the time: each is 9 % wider than the one before. */
const perDoubling = 8;
/** From 10 us to over 11 minutes. */
const buckets = 26 * perDoubling;
const smallestMs = 0.01;

/** An answer is counted again after this long: a percentile moves slowly, and a sum over all buckets does not come free. */
const refreshMs = 1000;

/**
 * A histogram on a logarithmic scale, two generations of it: one is filled, the other is the window before.
 * When a window is over the older one is thrown away, so an estimate never rests on less than one whole window
 * nor on anything older than two.
 */
export function createLatencyWindow({
  clock,
  windowMs = 10_000,
}: {
  readonly clock: Clock;
  readonly windowMs?: number;
}): LatencyWindow {
  let newer = new Uint32Array(buckets);
  let older = new Uint32Array(buckets);
  let turnsAtMs = clock.monotonic() + windowMs;
  let known:
    | { readonly share: number; readonly untilMs: number; ms: number | undefined }
    | undefined;

  function turn(nowMs: number): void {
    if (nowMs < turnsAtMs) return;
    // After a silence of two windows nothing of the past is left.
    older = nowMs < turnsAtMs + windowMs ? newer : new Uint32Array(buckets);
    newer = new Uint32Array(buckets);
    turnsAtMs = nowMs + windowMs;
  }

  function estimate(share: number): number | undefined {
    let total = 0;
    for (let i = 0; i < buckets; i++) total += (newer[i] ?? 0) + (older[i] ?? 0);
    if (total * (1 - share) < 1) return undefined;
    let above = total * (1 - share);
    for (let i = buckets - 1; i >= 0; i--) {
      above -= (newer[i] ?? 0) + (older[i] ?? 0);
      if (above < 0) return smallestMs * 2 ** ((i + 1) / perDoubling);
    }
    return undefined;
  }

  return {
    add(ms) {
      turn(clock.monotonic());
      const place = Math.floor(Math.log2(Math.max(ms, smallestMs) / smallestMs) * perDoubling);
      const index = Math.min(place, buckets - 1);
      newer[index] = (newer[index] ?? 0) + 1;
    },
    percentile(share) {
      const nowMs = clock.monotonic();
      if (known?.share === share && nowMs < known.untilMs) return known.ms;
      turn(nowMs);
      known = { share, untilMs: nowMs + refreshMs, ms: estimate(share) };
      return known.ms;
    },
  };
}
