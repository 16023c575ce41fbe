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
  const book = openBook();
  const running: Promise<boolean>[] = [];
  for (let n = 0; !isOver(n); n++) {
    const due = begin + (n * 1000) / ratePerSecond;
    const early = due - systemClock.monotonic();
    if (early > 1) await systemClock.sleep(early);
    running.push(book.note(request(n), due));
  }
  await Promise.all(running);
  return book.report();
}

/**
 * Keeps so many requests under way (closed loop): the next one is sent when one is answered, so the rate is
 * what the other side can do. After a failure it waits a little: a wall that is run against is no rate.
 */
export async function keepInFlight({
  inFlight,
  seconds,
  request,
}: {
  readonly inFlight: number;
  readonly seconds: number;
  readonly request: LoadOptions['request'];
}): Promise<LoadReport> {
  const book = openBook();
  const end = systemClock.monotonic() + seconds * 1000;
  let n = 0;
  const customer = async (): Promise<void> => {
    for (let now = systemClock.monotonic(); now < end; now = systemClock.monotonic()) {
      const well = await book.note(request(n++), now);
      if (!well) await systemClock.sleep(afterFailureMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, customer));
  return book.report();
}

const afterFailureMs = 100;

/** What became of requests. */
interface Book {
  /** Resolves when the request has ended, with whether it ended well. `due`: monotonic ms. */
  note(request: Promise<void>, due: number): Promise<boolean>;
  report(): LoadReport;
}

function openBook(): Book {
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  let failed = 0;
  const fail = (thrown: unknown): void => {
    const { status, reason, rawMessage } = MeshError.from(thrown);
    failed++;
    const text = rawMessage.slice(0, 160).replaceAll(/\d[\d.]*/g, 'N');
    const what = `${status} ${reason ?? ''} ${text}`;
    if (what in failures || Object.keys(failures).length < kindsKept) {
      failures[what] = (failures[what] ?? 0) + 1;
    }
  };
  return {
    async note(request, due) {
      const well = await request.then(
        () => true,
        (thrown: unknown) => {
          fail(thrown);
          return false;
        },
      );
      latencies.push(systemClock.monotonic() - due);
      return well;
    },
    report() {
      latencies.sort((a, b) => a - b);
      const at = (share: number): number =>
        Math.round((latencies[Math.floor(share * (latencies.length - 1))] ?? 0) * 10) / 10;
      const sent = latencies.length;
      return { sent, failed, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    },
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
