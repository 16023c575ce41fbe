import { join } from 'node:path';
import { installPackages } from '../../suite/install.ts';
import { closing, effort, type Section } from '../../suite/section.ts';
import { type Side, sideOf } from '../block.ts';
import { bareClient } from '../contenders/bare.ts';
import { wrappedClient } from '../contenders/wrapped.ts';
import { startFleet } from '../fleet.ts';
import { goSide } from '../golang.ts';
import { peer, peers } from '../kinds.ts';
import { interleave, summary } from '../rounds.ts';
import { echo, show } from './unary.ts';

/** Unary echo of others beside the same bare stub, each with servers of its own kind. */
export const peersSection: Section = (plan) =>
  closing(async (later) => {
    await installPackages(plan, join(import.meta.dirname, '../peers'), 'peers');
    const fleet = later(await startFleet(['bare']));
    const addresses = fleet.addresses('bare');
    const sides: Side[] = [
      later(sideOf('bare', await bareClient.connect(addresses), fleet)),
      later(sideOf('wrapped', await wrappedClient.connect(addresses), fleet)),
    ];
    const absent: Record<string, string> = {};
    for (const name of peers) {
      try {
        const own = later(await startFleet([name]));
        const client = await (await peer(name)).client.connect(own.addresses(name));
        sides.push(later(sideOf(name, client, own)));
      } catch (thrown) {
        absent[name] = String(thrown);
        plan.say(`  without ${name}: ${String(thrown)}`);
      }
    }
    let go: string | undefined;
    try {
      const side = later(await goSide());
      go = side.version;
      sides.push(side);
    } catch (thrown) {
      absent['grpc-go'] = String(thrown);
      plan.say(`  without grpc-go: ${String(thrown)}`);
    }
    const inFlight: Record<string, object> = {};
    for (const callers of [1, 8, 32, 128]) {
      plan.say(`  ${callers} in flight`);
      const blocks = await interleave(sides, echo(callers), effort(plan, 8, 300));
      show(plan, blocks);
      inFlight[callers] = summary(blocks, 'bare');
    }
    return {
      figures: {},
      data: { inFlight, absent, ...(go !== undefined && { grpcGo: `unary, ${go}` }) },
    };
  });
