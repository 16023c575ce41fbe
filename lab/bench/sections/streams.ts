import { closing, effort, type Section } from '../../suite/section.ts';
import type { Traffic } from '../block.ts';
import { startFleet } from '../fleet.ts';
import { interleave, summary } from '../rounds.ts';
import { openSide } from '../sides.ts';
import { sampleOrders } from '../work.ts';
import { show } from './unary.ts';

const orders = sampleOrders(64);
const pick = (n: number) => orders[n % orders.length] as (typeof orders)[number];
const messages = 100;

const watch: Traffic = {
  callers: 8,
  worth: messages,
  issue: async (client, n) => all(await client.watch?.(pick(n), messages)),
};
const chat: Traffic = {
  callers: 8,
  worth: messages,
  issue: async (client, n) => all(await client.chat?.(pick(n), messages)),
};

/** Streams are ordinary gRPC streams in weft too: what its policies cost on them. Figures are per message. */
export const streams: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const sides = [
      later(await openSide(plan, 'bare', fleet)),
      later(await openSide(plan, 'plain', fleet)),
    ];
    const data: Record<string, object> = {};
    for (const [name, traffic] of Object.entries({ 'server stream': watch, bidirectional: chat })) {
      plan.say(`  ${name}, 8 at a time of ${messages} messages`);
      const blocks = await interleave(sides, traffic, effort(plan, 10, 400));
      show(plan, blocks);
      data[name] = summary(blocks, 'bare');
    }
    return { figures: {}, data };
  });

function all(seen: number | undefined): void {
  if (seen !== messages) throw new Error(`${String(seen)} of ${messages} messages came`);
}
