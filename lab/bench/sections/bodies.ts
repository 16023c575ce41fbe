import { closing, effort, type Section } from '../../suite/section.ts';
import type { Traffic } from '../block.ts';
import { startFleet } from '../fleet.ts';
import { interleave, ratio, summary } from '../rounds.ts';
import { openSide } from '../sides.ts';
import { sampleOrders } from '../work.ts';
import { show } from './unary.ts';

const small = sampleOrders(64);
const large = sampleOrders(8, 64 * 1024);
const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T;

const allLarge: Traffic = {
  callers: 8,
  issue: (client, n) => client.echo(pick(large, n)),
};

const isLarge = (n: number): boolean => n % 10 === 3;
const mixed: Traffic = {
  callers: 32,
  issue: (client, n) => client.echo(pick(isLarge(n) ? large : small, n)),
  timed: (n) => !isLarge(n),
};

/** Bodies of 64 KiB alone, and one in ten among small ones; the mix looks at the latency of the small. */
export const bodies: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const sides = [
      later(await openSide(plan, 'bare', fleet)),
      later(await openSide(plan, 'lane', fleet)),
      later(await openSide(plan, 'plain', fleet)),
    ];
    plan.say('  64 KiB, 8 in flight');
    const alone = await interleave(sides, allLarge, effort(plan, 10, 300));
    show(plan, alone);
    plan.say('  one in ten of 64 KiB, 32 in flight; latency is that of the small ones');
    const mix = await interleave(sides, mixed, effort(plan, 20, 400));
    show(plan, mix);
    return {
      figures: { 'lane-mixed-small-p99-x': ratio(mix, ['lane', 'bare'], 'p99Ms').median },
      data: { alone: summary(alone, 'bare'), mixed: summary(mix, 'bare') },
    };
  });
