import { collectYoung } from '../suite/garbage.ts';
import { percentile } from '../suite/stats.ts';
import type { Client } from './contender.ts';
import type { Fleet } from './fleet.ts';
import { startMeter } from './meter.ts';

/** A closed loop of callers: each calls, waits for the answer, and calls again. */
export interface Traffic {
  readonly callers: number;
  /** Makes the n-th call; gives how many calls it stands for when that is not one (messages of a stream). */
  issue(client: Client, n: number): Promise<unknown>;
  /** Whether the latency of the n-th call is looked at. Default: of every call. */
  readonly timed?: (n: number) => boolean;
  /** How many messages a call is worth, for streams. Default 1. */
  readonly worth?: number;
  /** Others who call at the same time; they count for nothing but their load. */
  readonly beside?: Omit<Traffic, 'beside'>;
}

/** What one block of traffic cost. Everything is per call, or per message where a call is a stream. */
export interface Block {
  readonly perSecond: number;
  readonly clientUs: number;
  readonly serverUs: number;
  readonly allocBytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Calls that left in one write to the kernel, and answers that came back in one. */
  readonly callsPerWrite: number;
  readonly answersPerWrite: number;
}

/** Somebody who can be measured. */
export interface Side {
  readonly name: string;
  block(traffic: Traffic, ms: number): Promise<Block>;
  close(): Promise<void>;
}

/** How long a block runs before it is measured: collecting garbage leaves caches cold. */
const warmMs = 50;

/** Latencies of one block; kept outside the heap, for the heap is being measured. */
const latencies = new Float64Array(1 << 20);

/** A client in this process and its servers. */
export function sideOf(name: string, client: Client, fleet: Fleet): Side {
  return {
    name,
    async block(traffic, ms) {
      await Promise.all([collectYoung(), fleet.collect()]);
      await run(client, traffic, Math.min(warmMs, ms / 2), name);
      const before = await fleet.usage();
      const stop = startMeter();
      const { calls, timed } = await run(client, traffic, ms, name);
      const used = await stop();
      const after = await fleet.usage();
      const took = latencies.subarray(0, timed);
      return {
        perSecond: calls / (used.ms / 1000),
        clientUs: used.cpuUs / calls,
        serverUs: (after.cpuUs - before.cpuUs) / calls,
        allocBytes: used.allocatedBytes / calls,
        p50Ms: percentile(took, 0.5),
        p99Ms: percentile(took, 0.99),
        callsPerWrite: calls / used.writes,
        answersPerWrite: calls / (after.writes - before.writes),
      };
    },
    close: () => client.close(),
  };
}

/**
 * Runs traffic for so long. Failed calls count for nothing, and more than one in a thousand ends the bench: what
 * fails fast must not look fast.
 */
async function run(
  client: Client,
  traffic: Traffic,
  ms: number,
  name: string,
): Promise<{ calls: number; timed: number }> {
  const end = performance.now() + ms;
  const counts = { begun: 0, done: 0, timed: 0, failed: 0 };

  async function caller(): Promise<void> {
    while (performance.now() < end) {
      const n = counts.begun++;
      const begin = performance.now();
      try {
        await traffic.issue(client, n);
      } catch (cause) {
        if (++counts.failed <= 1 + counts.done / 1000) continue;
        throw new Error(`${counts.failed} calls of ${name} failed beside ${counts.done}`, {
          cause,
        });
      }
      counts.done++;
      if (traffic.timed?.(n) !== false) {
        latencies[counts.timed++ % latencies.length] = performance.now() - begin;
      }
    }
  }

  async function neighbour({ issue }: Omit<Traffic, 'beside'>): Promise<void> {
    for (let n = 0; performance.now() < end; n++) await issue(client, n);
  }

  const { beside } = traffic;
  const neighbours = Array.from(
    { length: beside?.callers ?? 0 },
    () => beside && neighbour(beside),
  );
  await Promise.all([...Array.from({ length: traffic.callers }, caller), ...neighbours]);
  const timed = Math.min(counts.timed, latencies.length);
  return { calls: counts.done * (traffic.worth ?? 1), timed };
}
