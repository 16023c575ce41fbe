import { collectAll } from '../../suite/garbage.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { rounded } from '../../suite/stats.ts';
import { startFleet } from '../fleet.ts';
import { openClient } from '../sides.ts';
import { sampleOrders } from '../work.ts';

const orders = sampleOrders(64);
const callers = 64;

/** What a million calls leave behind: memory that does not come back is a leak, however slow. */
export const heap: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['weft']));
    const data: Record<
      string,
      { readonly early: number; readonly late: number; readonly x: number }
    > = {};
    for (const lane of [false, true]) {
      const name = lane ? 'lane' : 'plain';
      const client = later(await openClient(plan, name, fleet));
      const [first, last] = plan.quick ? [2000, 10_000] : [200_000, 1_000_000];
      await call(client, first);
      const early = await heapNow();
      plan.say(`  ${name}: ${mib(early)} MiB after ${first} calls`);
      await callOn(plan, client, { from: first, to: last });
      const late = await heapNow();
      plan.say(`  ${name}: ${mib(late)} MiB after ${last} calls`);
      data[name] = { early, late, x: rounded(late / early) };
    }
    return { figures: { 'heap-1e6-x': Math.max(...Object.values(data).map(({ x }) => x)) }, data };
  });

interface Echo {
  echo(order: (typeof orders)[number]): Promise<unknown>;
}

async function callOn(
  plan: Plan,
  client: Echo,
  { from, to }: { from: number; to: number },
): Promise<void> {
  const step = (to - from) / 4;
  for (let done = from; done < to; done += step) {
    await call(client, step);
    plan.say(`    ${Math.round(done + step)} calls`);
  }
}

async function call(client: Echo, count: number): Promise<void> {
  let [n, failed] = [0, 0];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (n < count) {
        await client.echo(orders[n++ % orders.length] as (typeof orders)[number]).catch(() => {
          if (++failed > 100) throw new Error('more than 100 calls failed');
        });
      }
    }),
  );
}

/** Twice, with a pause: finalizers free what the first collection found. */
async function heapNow(): Promise<number> {
  await collectAll();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await collectAll();
  return process.memoryUsage().heapUsed;
}

const mib = (bytes: number): number => rounded(bytes / 2 ** 20);
