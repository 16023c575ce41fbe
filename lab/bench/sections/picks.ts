import { type Endpoint, systemClock, systemRandom } from '#mesh';
import { type Balancer, createBalancer } from '../../../mesh/balance/balancer.ts';
import type { Section } from '../../suite/section.ts';
import { median, rounded } from '../../suite/stats.ts';

/** Picks that are timed together; their calls end outside the timing. */
const batch = 64;

/**
 * What it costs to choose one endpoint of so many, calls being in flight and ending as they do. The client hands
 * in the time, which it has read for the call's own duration; what a pick costs that reads the clock by itself
 * stands beside it.
 */
export const picks: Section = async (plan) => {
  const data: Record<string, object> = {};
  const figures: Record<string, number> = {};
  const sizes = [3, 100, 1000];
  const batches = plan.quick ? 200 : 4000;
  // For the compiler: after the sections before this one it takes the first balancer for another kind.
  for (const size of sizes) await costOf(size, batches, () => systemClock.monotonic());
  for (const size of sizes) {
    const given = await costOf(size, batches, () => systemClock.monotonic());
    const own = await costOf(size, batches, () => undefined);
    data[size] = { ...given, pickAndClockNs: own.pickNs };
    plan.say(`  ${size} endpoints: ${JSON.stringify(data[size])}`);
    if (size !== 100) figures[`pick-${size}-ns`] = given.pickNs;
  }
  return { figures, data };
};

interface Cost {
  readonly pickNs: number;
  readonly pickAndDoneNs: number;
}

async function costOf(
  size: number,
  batches: number,
  clock: () => number | undefined,
): Promise<Cost> {
  const balancer = newBalancer();
  balancer.update(Array.from({ length: size }, (_, n) => endpoint(n)));
  const took: { pick: number; both: number }[] = [];
  const held: ReturnType<typeof balancer.pick>[] = [];
  for (let round = 0; round < batches; round++) {
    const nowMs = clock();
    const begin = process.hrtime.bigint();
    for (let n = 0; n < batch; n++) held.push(balancer.pick(undefined, 'unary', nowMs));
    const picked = process.hrtime.bigint();
    for (const pick of held) pick?.done({ ok: true, status: 'OK' });
    const done = process.hrtime.bigint();
    held.length = 0;
    took.push({ pick: Number(picked - begin) / batch, both: Number(done - begin) / batch });
    // Time passes between calls; without it every latency would be nothing.
    if (round % 64 === 0) await systemClock.sleep(1);
  }
  balancer.close();
  // The first half is the compiler's.
  const late = took.slice(batches >> 1);
  return {
    pickNs: rounded(median(late.map(({ pick }) => pick))),
    pickAndDoneNs: rounded(median(late.map(({ both }) => both))),
  };
}

/** A balancer as clients make it, with nothing to open. */
export function newBalancer(): Balancer<undefined> {
  return createBalancer({
    clock: systemClock,
    random: systemRandom,
    open: () => undefined,
    close: () => undefined,
  });
}

export function endpoint(n: number, service = 'bench'): Endpoint {
  return {
    instanceId: `${service}-${String(n).padStart(8, '0')}`,
    service,
    host: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
    port: 7000,
    metadata: { version: '1', zone: `zone-${n % 3}` },
  };
}
