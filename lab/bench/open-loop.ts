import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Beat } from './ticker.ts';
import { seeded } from './work.ts';

/** What came of calls that were sent when they were due, whatever became of those before. */
export interface OpenLoop {
  readonly sent: number;
  readonly failed: number;
  /** From the moment at which a call was due, so that no wait is left out (coordinated omission). */
  readonly latenciesMs: Float64Array;
  /** What the failures said, and how often. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Sends `perSecond` calls for so long and waits for the last answer; a failed call counts with its time. */
export async function openLoop(
  {
    perSecond,
    ms,
    seed = 1,
  }: { readonly perSecond: number; readonly ms: number; readonly seed?: number },
  issue: (n: number) => Promise<unknown>,
): Promise<OpenLoop> {
  const total = Math.max(1, Math.round((perSecond * ms) / 1000));
  const dueMs = dueTimes(total, perSecond, seed);
  const latenciesMs = new Float64Array(total);
  const failures: Record<string, number> = {};
  const beginNs = process.hrtime.bigint() + 60_000_000n;
  const sinceBegin = (): number => Number(process.hrtime.bigint() - beginNs) / 1e6;
  const all = Promise.withResolvers<void>();
  let [ended, failed] = [0, 0];

  async function call(n: number): Promise<void> {
    try {
      await issue(n);
    } catch (thrown) {
      failed++;
      const what = String(thrown)
        .replaceAll(/\d+(\.\d+)?/g, '#')
        .slice(0, 100);
      failures[what] = (failures[what] ?? 0) + 1;
    }
    latenciesMs[n] = sinceBegin() - (dueMs[n] ?? 0);
    if (++ended === total) all.resolve();
  }

  const onBeat = (n: number): void => void call(n);
  ticker.on('message', onBeat);
  ticker.postMessage({ beginNs, dueMs } satisfies Beat);
  await all.promise;
  ticker.off('message', onBeat);
  return { sent: total, failed, latenciesMs, failures };
}

/** One thread for all loops of the process: starting one costs more CPU than a thousand calls. */
const ticker = new Worker(join(import.meta.dirname, 'ticker.ts'));
ticker.unref();

/** Evenly spaced, each moved by up to a quarter: nothing else in the machine keeps the same beat. */
function dueTimes(total: number, perSecond: number, seed: number): Float64Array {
  const next = seeded(seed);
  const gapMs = 1000 / perSecond;
  return Float64Array.from({ length: total }, (_, n) => (n + 0.5 * next()) * gapMs);
}
