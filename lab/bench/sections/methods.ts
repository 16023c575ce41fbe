import { closing, effort, type Section } from '../../suite/section.ts';
import type { Side } from '../block.ts';
import { startFleet } from '../fleet.ts';
import { interleave, ratio, summary } from '../rounds.ts';
import { openSide } from '../sides.ts';
import { sampleOrders } from '../work.ts';
import { echo, show } from './unary.ts';

const [order] = sampleOrders(1);
/** Callers of the slow method, and how long it takes. */
const slow = { callers: 16, waitMs: 50 };

/** One slow method beside a fast one, against the fast one alone: on a shared stream one must not hold the other. */
export const methods: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const bare = later(await openSide(plan, 'bare', fleet));
    const lane = later(await openSide(plan, 'lane', fleet));
    const plain = later(await openSide(plan, 'plain', fleet));
    const sides = [bare, lane, plain].flatMap((side) => [side, besideSlow(side)]);
    plan.say(
      `  32 in flight; and with ${slow.callers} callers of a method that takes ${slow.waitMs} ms`,
    );
    const blocks = await interleave(sides, echo(32), effort(plan, 20, 300));
    show(plan, blocks);
    const over = (name: string): number => ratio(blocks, [`${name}-slow`, name], 'p99Ms').median;
    return {
      figures: { 'lane-slow-method-others-p99-x': over('lane') },
      data: {
        slow,
        others: { bare: over('bare'), lane: over('lane'), plain: over('plain') },
        blocks: summary(blocks, 'bare'),
      },
    };
  });

function besideSlow(side: Side): Side {
  return {
    ...side,
    name: `${side.name}-slow`,
    block: (traffic, ms) =>
      side.block(
        {
          ...traffic,
          beside: {
            callers: slow.callers,
            issue: async (client) => order && client.linger?.(order, slow.waitMs),
          },
        },
        ms,
      ),
  };
}
