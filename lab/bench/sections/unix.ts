import { closing, effort, type Section } from '../../suite/section.ts';
import { startFleet } from '../fleet.ts';
import { interleave, ratio, summary } from '../rounds.ts';
import { openSide } from '../sides.ts';
import { echo, show } from './unary.ts';

/** The same weft servers over their Unix sockets and over TCP; the bar is about weft as it is by default. */
export const unix: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const sides = [
      later(await openSide(plan, 'bare', fleet)),
      later(await openSide(plan, 'lane', fleet)),
      later(await openSide(plan, 'lane-unix', fleet)),
      later(await openSide(plan, 'plain', fleet)),
      later(await openSide(plan, 'plain-unix', fleet)),
    ];
    const data: Record<string, object> = {};
    const figures: Record<string, number> = {};
    for (const callers of [1, 32]) {
      plan.say(`  ${callers} in flight`);
      const blocks = await interleave(sides, echo(callers), effort(plan, 20, 300));
      show(plan, blocks);
      const over = (side: string): object => ({
        p50: ratio(blocks, [`${side}-unix`, side], 'p50Ms'),
        clientUs: ratio(blocks, [`${side}-unix`, side], 'clientUs'),
        serverUs: ratio(blocks, [`${side}-unix`, side], 'serverUs'),
      });
      data[callers] = {
        unixOverTcp: { lane: over('lane'), plain: over('plain') },
        blocks: summary(blocks, 'bare'),
      };
      if (callers === 1)
        figures['unix-1-p50-x'] = ratio(blocks, ['lane-unix', 'lane'], 'p50Ms').median;
    }
    return { figures, data };
  });
