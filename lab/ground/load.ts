import { MeshError, systemClock } from '#mesh';

export interface LoadOptions {
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** One request; `n` counts from 0. What it throws counts as a failure. */
  readonly request: (n: number) => Promise<void>;
}

export interface LoadReport {
  readonly sent: number;
  readonly failed: number;
  /** The first different failures, with how often each came. */
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Sends requests at a fixed rate whatever comes back (open loop): a generator that waits for answers would
 * pause during an outage and hide it. Latency counts from the moment at which a request was due.
 */
export async function offerLoad(options: LoadOptions): Promise<LoadReport> {
  const { ratePerSecond, seconds, request } = options;
  const total = Math.round(ratePerSecond * seconds);
  const begin = systemClock.monotonic();
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const running: Promise<void>[] = [];
  for (let n = 0; n < total; n++) {
    const due = begin + (n * 1000) / ratePerSecond;
    const early = due - systemClock.monotonic();
    if (early > 1) await systemClock.sleep(early);
    running.push(
      request(n)
        .catch((thrown: unknown) => {
          const { status, reason, rawMessage } = MeshError.from(thrown);
          const what = `${status} ${reason ?? ''} ${rawMessage.slice(0, 160)}`;
          failures[what] = (failures[what] ?? 0) + 1;
        })
        .finally(() => {
          latencies.push(systemClock.monotonic() - due);
        }),
    );
  }
  await Promise.all(running);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((latencies[Math.floor(share * (latencies.length - 1))] ?? 0) * 10) / 10;
  return {
    sent: total,
    failed: Object.values(failures).reduce((sum, count) => sum + count, 0),
    failures,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}
