import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closing, effort, type Plan, type Section } from '../../suite/section.ts';
import { type Side, sideOf } from '../block.ts';
import { bareClient } from '../contenders/bare.ts';
import { wrappedClient } from '../contenders/wrapped.ts';
import { must, shed } from '../debian.ts';
import { startFleet } from '../fleet.ts';
import { goSide } from '../golang.ts';
import { peer, peers } from '../kinds.ts';
import { interleave, summary } from '../rounds.ts';
import { echo, show } from './unary.ts';

/** Unary echo of others beside the same bare stub, each with servers of its own kind. */
export const peersSection: Section = (plan) =>
  closing(async (later) => {
    await installPeers(plan);
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

/** Brings the packages of peers/ into the shed, once and again when the lockfile changes. */
async function installPeers(plan: Plan): Promise<void> {
  const wanted = join(import.meta.dirname, '../peers');
  const home = join(shed, 'peers');
  const mark = join(home, 'installed.json');
  const lock = readFileSync(join(wanted, 'package-lock.json'), 'utf8');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  plan.say('  installing what weft is measured beside (npm ci)');
  mkdirSync(home, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(wanted, file), join(home, file));
  }
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'] as const;
  await must(home, ['npm', 'ci', ...quietly]);
  writeFileSync(mark, lock);
}
