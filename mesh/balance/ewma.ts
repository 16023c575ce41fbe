/**
 * Peak EWMA: how slow an endpoint is, as one number. A sample above the average replaces it at once, a
 * sample below moves it slowly: bad news travels in one call, good news in seconds. Twitter's Finagle
 * balances by it, and so does Linkerd; in Buoyant's test with one slow backend of eleven it kept 99.9 % of
 * calls under the time-out, against 95 % for round robin.
 *
 * The average also decays while nobody asks. Without that, an endpoint that was slow once is never picked
 * again, so never measured again, so slow forever.
 */
export interface PeakEwma {
  /** Milliseconds; 0 until the first sample. */
  value: number;
  /** Monotonic ms of the last change. */
  stampMs: number;
}

/** Takes in one sample. `tauMs`: after this long without samples 37 % (1/e) of the average is left. */
export function observe(average: PeakEwma, sampleMs: number, nowMs: number, tauMs: number): void {
  const kept = Math.exp(-Math.max(0, nowMs - average.stampMs) / tauMs);
  const past = average.value * kept;
  average.value = sampleMs > past ? sampleMs : past + sampleMs * (1 - kept);
  average.stampMs = nowMs;
}

/** The average as it has decayed by now; changes nothing. */
export function decayed(average: PeakEwma, nowMs: number, tauMs: number): number {
  return average.value * Math.exp(-Math.max(0, nowMs - average.stampMs) / tauMs);
}
