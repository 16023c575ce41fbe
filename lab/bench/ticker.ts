import { parentPort } from 'node:worker_threads';

/** When the calls of an open loop are due. */
export interface Beat {
  readonly beginNs: bigint;
  /** In ms after the beginning. */
  readonly dueMs: Float64Array;
}

/**
 * A thread that says when each call of an open loop is due. Timers of the event loop know whole milliseconds
 * and come late when the loop is busy, which is just when a call that is due must not be forgotten; a thread
 * that sleeps by itself is exact to some 50 us and costs the same whoever is measured.
 */
const sleeper = new Int32Array(new SharedArrayBuffer(4));
parentPort?.on('message', ({ beginNs, dueMs }: Beat) => {
  for (const [n, due] of dueMs.entries()) {
    const leftMs = due - Number(process.hrtime.bigint() - beginNs) / 1e6;
    if (leftMs > 0) Atomics.wait(sleeper, 0, 0, leftMs);
    parentPort?.postMessage(n);
  }
});
