import { closing, effort, type Plan, type Report, type Section } from '../../suite/section.ts';
import type { Traffic } from '../block.ts';
import { startFleet } from '../fleet.ts';
import { type Blocks, describe, interleave, ratio, summary } from '../rounds.ts';
import { openSide } from '../sides.ts';
import { sampleOrders } from '../work.ts';

const orders = sampleOrders(64);

/** Unary echo, by how many calls are in flight: the bare stub against itself, then weft beside it. */
export const unary: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const bare = later(await openSide(plan, 'bare', fleet));
    const again = later(await openSide(plan, 'bare-again', fleet));
    const lane = later(await openSide(plan, 'lane', fleet));
    const plain = later(await openSide(plan, 'plain', fleet));
    const control: Record<string, object> = {};
    for (const callers of [1, 32]) {
      plan.say(`  A/A control, ${callers} in flight: the bare stub beside itself`);
      const blocks = await interleave([bare, again], echo(callers), effort(plan, 12, 300));
      show(plan, blocks);
      control[callers] = summary(blocks, 'bare');
    }
    const inFlight: Record<string, object> = {};
    const figures: Record<string, number> = {};
    for (const callers of [1, 8, 32, 128]) {
      plan.say(`  ${callers} in flight`);
      const blocks = await interleave([bare, lane, plain], echo(callers), effort(plan, 20, 300));
      show(plan, blocks);
      inFlight[callers] = summary(blocks, 'bare');
      Object.assign(figures, figuresAt(callers, blocks));
    }
    return { figures: barsOf(figures), data: { control, inFlight } } satisfies Report;
  });

export function echo(callers: number): Traffic {
  return {
    callers,
    issue: (client: { echo(order: (typeof orders)[number]): Promise<unknown> }, n: number) =>
      client.echo(orders[n % orders.length] as (typeof orders)[number]),
  };
}

export function show(plan: Plan, blocks: Blocks): void {
  for (const line of describe(blocks, 'bare')) plan.say(line);
}

/** Everything that could be a bar, by its name. */
function figuresAt(callers: number, blocks: Blocks): Record<string, number> {
  const names = {
    'client-cpu-x': 'clientUs',
    'server-cpu-x': 'serverUs',
    'throughput-x': 'perSecond',
    'p50-x': 'p50Ms',
    'p99-x': 'p99Ms',
    'alloc-x': 'allocBytes',
  } as const;
  return Object.fromEntries(
    ['lane', 'plain'].flatMap((side) =>
      Object.entries(names).map(([name, figure]) => [
        `${side}-${callers}-${name}`,
        ratio(blocks, [side, 'bare'], figure).median,
      ]),
    ),
  );
}

function barsOf(figures: Record<string, number>): Record<string, number> {
  const names = [
    'lane-32-client-cpu-x',
    'lane-32-server-cpu-x',
    'lane-32-throughput-x',
    'lane-32-p99-x',
    'lane-128-client-cpu-x',
    'lane-128-server-cpu-x',
    'lane-128-throughput-x',
    'lane-1-p50-x',
    'lane-1-client-cpu-x',
    'plain-32-client-cpu-x',
    'plain-128-client-cpu-x',
    'plain-32-alloc-x',
    'plain-32-server-cpu-x',
  ];
  return Object.fromEntries(names.map((name) => [name, figures[name] ?? Number.NaN]));
}
