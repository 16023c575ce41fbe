import { collectYoung } from '../../suite/garbage.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { median, percentile, rounded, type Spread, spreadOf } from '../../suite/stats.ts';
import type { Client } from '../contender.ts';
import { type Fleet, startFleet } from '../fleet.ts';
import { startMeter } from '../meter.ts';
import { openLoop } from '../open-loop.ts';
import { inTurn } from '../rounds.ts';
import { openClient } from '../sides.ts';
import { sampleOrders } from '../work.ts';

const orders = sampleOrders(64);
const perSecond = 200;

interface Sample {
  readonly clientUs: number;
  readonly serverUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * A rate that leaves both processes idle most of the time: there is no batch to gain from, only the cost of a
 * call. A loop that sends nothing costs too (its thread, the answers of this process); that is subtracted.
 */
export const rate: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const sides = {
      idle: { echo: () => Promise.resolve(), close: () => Promise.resolve() },
      bare: later(await openClient(plan, 'bare', fleet)),
      lane: later(await openClient(plan, 'lane', fleet)),
      plain: later(await openClient(plan, 'plain', fleet)),
    };
    const samples = await sample(plan, sides, fleet);
    const net = (name: string, figure: 'clientUs' | 'serverUs'): number[] =>
      (samples[name] ?? []).map((one, n) => one[figure] - (samples['idle']?.[n]?.[figure] ?? 0));
    const over = (name: string): Spread => {
      const base = net('bare', 'clientUs');
      return spreadOf(net(name, 'clientUs').map((value, n) => value / (base[n] ?? Number.NaN)));
    };
    const data = Object.fromEntries(
      Object.entries(samples).map(([name, all]) => [
        name,
        {
          clientUs: rounded(
            median(name === 'idle' ? all.map((one) => one.clientUs) : net(name, 'clientUs')),
          ),
          serverUs: rounded(
            median(name === 'idle' ? all.map((one) => one.serverUs) : net(name, 'serverUs')),
          ),
          p50Ms: rounded(median(all.map((one) => one.p50Ms))),
          p99Ms: rounded(median(all.map((one) => one.p99Ms))),
        },
      ]),
    );
    for (const [name, figures] of Object.entries(data))
      plan.say(`    ${name}: ${JSON.stringify(figures)}`);
    return {
      figures: { 'lane-200rps-client-cpu-x': over('lane').median },
      data: {
        perSecond,
        idleSubtracted: data,
        clientOver: { lane: over('lane'), plain: over('plain') },
      },
    };
  });

type Caller = Pick<Client, 'echo' | 'close'>;

async function sample(
  plan: Plan,
  sides: Readonly<Record<string, Caller>>,
  fleet: Fleet,
): Promise<Record<string, Sample[]>> {
  const [rounds, ms] = plan.quick ? [1, 500] : [10, 2000];
  plan.say(`  ${perSecond} calls/s, open loop, ${rounds} rounds of ${ms} ms each`);
  const samples: Record<string, Sample[]> = {};
  for (const [, client] of Object.entries(sides)) await block(client, fleet, ms);
  for (let round = 0; round < rounds; round++) {
    for (const [name, client] of inTurn(Object.entries(sides), round)) {
      (samples[name] ??= []).push(await block(client, fleet, ms));
    }
  }
  return samples;
}

async function block(client: Caller, fleet: Fleet, ms: number): Promise<Sample> {
  await Promise.all([collectYoung(), fleet.collect()]);
  const before = await fleet.usage();
  const stop = startMeter();
  const { latenciesMs, sent, failed } = await openLoop({ perSecond, ms }, (n) =>
    client.echo(orders[n % orders.length] as (typeof orders)[number]),
  );
  const { cpuUs } = await stop();
  const after = await fleet.usage();
  if (failed > 0) throw new Error(`${failed} of ${sent} calls failed`);
  return {
    clientUs: cpuUs / sent,
    serverUs: (after.cpuUs - before.cpuUs) / sent,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}
