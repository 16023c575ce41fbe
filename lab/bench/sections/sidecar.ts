import { collectYoung } from '../../suite/garbage.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { median, percentile, rounded, type Spread, spreadOf } from '../../suite/stats.ts';
import type { Client } from '../contender.ts';
import { bareClient } from '../contenders/bare.ts';
import { type Fleet, startFleet } from '../fleet.ts';
import { type ProxyPair, startPair } from '../haproxy.ts';
import { startMeter } from '../meter.ts';
import { openLoop } from '../open-loop.ts';
import { inTurn } from '../rounds.ts';
import { openClient } from '../sides.ts';
import { sampleOrders } from '../work.ts';

const orders = sampleOrders(64);

/** Rounds and length of a block at each rate; few calls a second need long blocks. */
const rates = [
  { perSecond: 20, rounds: 5, ms: 4000 },
  { perSecond: 200, rounds: 10, ms: 2000 },
  { perSecond: 2000, rounds: 8, ms: 1000 },
] as const;

interface Sample {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Client, servers and proxies, per call. */
  readonly cpuUs: number;
  readonly proxyUs: number;
}

type Samples = Readonly<Record<'direct' | 'weft' | 'pair', readonly Sample[]>>;

/** What a mesh adds to a bare call: weft in the process, or a pair of proxies beside the processes. */
export const sidecar: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft']));
    const pair = later(await startPair(fleet.addresses('bare')));
    plan.say(`  ${pair.version}`);
    const clients = {
      direct: later(await openClient(plan, 'bare', fleet)),
      weft: later(await openClient(plan, 'lane', fleet)),
      pair: later(await bareClient.connect([pair.address])),
    };
    const data: Record<string, unknown> = { proxy: pair.version };
    let atRate200 = Number.NaN;
    for (const { perSecond, rounds, ms } of rates) {
      const samples = await sample(plan, { clients, fleet, pair }, { perSecond, rounds, ms });
      const share = addedShare(samples);
      if (perSecond === 200) atRate200 = share;
      data[perSecond] = summary(samples, share);
      plan.say(`  ${perSecond} calls/s: ${JSON.stringify(data[perSecond])}`);
    }
    if (Number.isNaN(atRate200))
      plan.say('  the proxies added nothing: the machine is too busy to tell');
    return { figures: Number.isNaN(atRate200) ? {} : { 'sidecar-added-p50-x': atRate200 }, data };
  });

/** The medians of what each adds, one over the other: single rounds may add less than nothing. */
function addedShare(samples: Samples): number {
  const weft = Math.max(0, added(samples, 'weft', 'p50Ms').median);
  const pair = added(samples, 'pair', 'p50Ms').median;
  // Where two proxies add nothing, the machine was too busy to tell: that is no figure.
  return pair > 0 ? rounded(weft / pair) : Number.NaN;
}

function added(samples: Samples, name: 'weft' | 'pair', figure: keyof Sample): Spread {
  return spreadOf(
    samples[name].map((one, n) => one[figure] - (samples.direct[n]?.[figure] ?? Number.NaN)),
  );
}

function summary(samples: Samples, addedP50Share: number): object {
  const figures = ['p50Ms', 'p99Ms', 'cpuUs', 'proxyUs'] as const;
  const middles = Object.fromEntries(
    Object.entries(samples).map(([name, all]) => [
      name,
      Object.fromEntries(
        figures.map((figure) => [figure, rounded(median(all.map((one) => one[figure])))]),
      ),
    ]),
  );
  return {
    ...middles,
    added: {
      weft: {
        p50Ms: added(samples, 'weft', 'p50Ms').median,
        p99Ms: added(samples, 'weft', 'p99Ms').median,
      },
      pair: {
        p50Ms: added(samples, 'pair', 'p50Ms').median,
        p99Ms: added(samples, 'pair', 'p99Ms').median,
      },
      p50Share: Number.isNaN(addedP50Share) ? null : addedP50Share,
    },
  };
}

interface Stage {
  readonly clients: Readonly<Record<keyof Samples, Client>>;
  readonly fleet: Fleet;
  readonly pair: ProxyPair;
}

async function sample(
  plan: Plan,
  stage: Stage,
  full: { perSecond: number; rounds: number; ms: number },
) {
  const { perSecond } = full;
  const [rounds, ms] = plan.quick ? [1, 500] : [full.rounds, full.ms];
  const samples = { direct: [] as Sample[], weft: [] as Sample[], pair: [] as Sample[] };
  const names = ['direct', 'weft', 'pair'] as const;
  for (const name of names) await block(stage, name, { perSecond, ms: Math.min(ms, 1000) });
  for (let round = 0; round < rounds; round++) {
    for (const name of inTurn(names, round)) {
      samples[name].push(await block(stage, name, { perSecond, ms }));
    }
  }
  return samples;
}

async function block(
  { clients, fleet, pair }: Stage,
  name: keyof Samples,
  load: { perSecond: number; ms: number },
): Promise<Sample> {
  await Promise.all([collectYoung(), fleet.collect()]);
  const [before, proxyBefore] = [await fleet.usage(), pair.cpuUs()];
  const stop = startMeter();
  const { sent, failed, latenciesMs } = await openLoop(load, (n) =>
    clients[name].echo(orders[n % orders.length] as (typeof orders)[number]),
  );
  const { cpuUs } = await stop();
  const [after, proxyAfter] = [await fleet.usage(), pair.cpuUs()];
  if (failed > sent / 100) throw new Error(`${failed} of ${sent} calls of ${name} failed`);
  const proxyUs = (proxyAfter - proxyBefore) / sent;
  return {
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    cpuUs: (cpuUs + after.cpuUs - before.cpuUs) / sent + proxyUs,
    proxyUs,
  };
}
