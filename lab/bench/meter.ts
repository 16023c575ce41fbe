import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { turns } from '../suite/garbage.ts';

/** What the client's process has used up to a moment. */
interface Reading {
  readonly atMs: number;
  readonly cpuUs: number;
  readonly heapBytes: number;
  readonly writes: number;
  readonly collections: number;
}

/** What it used between two moments. */
export interface Used {
  readonly ms: number;
  readonly cpuUs: number;
  /**
   * Growth of V8's heap and of the memory outside that it holds. While nothing is collected that is what
   * was allocated; NaN when something was.
   */
  readonly allocatedBytes: number;
  /** Write calls to the kernel, nearly all of them to sockets. */
  readonly writes: number;
}

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

/** Reads everything now; the returned function reads again and gives the difference. */
export function startMeter(): () => Promise<Used> {
  const begin = read();
  return async () => {
    const end = read();
    // Collections are told a turn after they happen.
    await turns(2);
    return {
      ms: end.atMs - begin.atMs,
      cpuUs: end.cpuUs - begin.cpuUs,
      allocatedBytes:
        collections === begin.collections ? end.heapBytes - begin.heapBytes : Number.NaN,
      writes: end.writes - begin.writes,
    };
  };
}

function read(): Reading {
  const { heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    cpuUs: user + system,
    heapBytes: heapUsed + external,
    writes: Number(/syscw: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? Number.NaN),
    collections,
  };
}
