import { MeshError, systemClock } from '#mesh';

export interface LoadOptions {
  readonly ratePerSecond: number;
  /** How long, in seconds; or until a promise is settled. */
  readonly lasts: number | Promise<unknown>;
  /** One request; `n` counts from 0. What it throws counts as a failure. */
  readonly request: (n: number) => Promise<void>;
}

export interface LoadReport {
  readonly sent: number;
  readonly failed: number;
  /** The first different failures (numbers aside), with how often each came. */
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** How many different failures are told; a result file is for reading. */
const kindsKept = 20;

/**
 * Sends requests at a fixed rate whatever comes back (open loop): a generator that waits for answers would
 * pause during an outage and hide it. Latency counts from the moment at which a request was due.
 */
export async function offerLoad(options: LoadOptions): Promise<LoadReport> {
  const { ratePerSecond, lasts, request } = options;
  const isOver = whenOver(lasts, ratePerSecond);
  const begin = systemClock.monotonic();
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  let failed = 0;
  const running: Promise<void>[] = [];
  let sent = 0;
  for (; !isOver(sent); sent++) {
    const n = sent;
    const due = begin + (n * 1000) / ratePerSecond;
    const early = due - systemClock.monotonic();
    if (early > 1) await systemClock.sleep(early);
    running.push(
      request(n)
        .catch((thrown: unknown) => {
          const { status, reason, rawMessage } = MeshError.from(thrown);
          failed++;
          const text = rawMessage.slice(0, 160).replaceAll(/\d[\d.]*/g, 'N');
          const what = `${status} ${reason ?? ''} ${text}`;
          if (what in failures || Object.keys(failures).length < kindsKept) {
            failures[what] = (failures[what] ?? 0) + 1;
          }
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
    sent,
    failed,
    failures,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

/** Tells whether the load is over, given how many requests were sent. */
function whenOver(
  lasts: number | Promise<unknown>,
  ratePerSecond: number,
): (sent: number) => boolean {
  if (typeof lasts === 'number') {
    const total = Math.round(ratePerSecond * lasts);
    return (sent) => sent >= total;
  }
  let over = false;
  const end = (): void => void (over = true);
  lasts.then(end, end);
  return () => over;
}
