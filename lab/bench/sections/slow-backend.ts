import { credentials, Metadata } from '@grpc/grpc-js';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { percentile, rounded } from '../../suite/stats.ts';
import { type Address, hostPort } from '../contender.ts';
import { openStub } from '../contenders/bare.ts';
import { openWeft } from '../contenders/weft.ts';
import { startFleet } from '../fleet.ts';
import { BenchServiceClient, type Order } from '../gen/bench/v1/bench.ts';
import { openLoop } from '../open-loop.ts';
import { sampleOrders, seeded } from '../work.ts';

const orders = sampleOrders(64);
const perSecond = 1000;
const timeoutMs = 1000;
const slowMs = 2000;

interface Caller {
  echo(order: Order): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Buoyant's test of 2016 ("Beyond Round Robin"): eleven backends, one of which takes 2 s for the first half of
 * the time, a time-out of 1 s and no retries. What is told apart is who looks at how long answers take.
 */
export const slowBackend: Section = (plan) =>
  closing(async (later) => {
    const fleet = later(await startFleet(['bare', 'weft'], { processes: 1, copies: 11 }));
    const [bare, weft] = [fleet.addresses('bare'), fleet.addresses('weft')];
    // The fleet counts its servers through: eleven bare ones, then eleven of weft.
    const contenders: Record<string, { caller: Caller; slow: number }> = {
      weft: { caller: await openWeft(weft, { lane: true, timeoutMs, attempts: 1 }), slow: 11 },
      'least-request P2C': { caller: leastRequest(bare), slow: 0 },
      'round robin': { caller: roundRobin(bare), slow: 0 },
    };
    const data: Record<string, object> = {};
    let success = Number.NaN;
    for (const [name, { caller, slow }] of Object.entries(contenders)) {
      later(caller);
      const seconds = plan.quick ? 3 : 60;
      await fleet.slow(slow, slowMs);
      const back = setTimeout(() => void fleet.slow(slow, 0).catch(() => undefined), seconds * 500);
      const run = await offer(plan, caller, seconds);
      clearTimeout(back);
      await fleet.slow(slow, 0);
      data[name] = run;
      if (name === 'weft') success = run.success;
      plan.say(`  ${name}: ${JSON.stringify(run)}`);
    }
    return {
      figures: { 'slow-backend-success': success },
      data: { perSecond, timeoutMs, slowMs, ...data },
    };
  });

async function offer(plan: Plan, caller: Caller, seconds: number) {
  plan.say(`  ${perSecond} calls/s for ${seconds} s`);
  const { sent, failed, failures, latenciesMs } = await openLoop(
    { perSecond, ms: seconds * 1000 },
    (n) => caller.echo(orders[n % orders.length] as Order),
  );
  // Not rounded: the bar asks for the third nine.
  const success = Math.floor((1 - failed / sent) * 1e5) / 1e5;
  const [p50Ms, p99Ms, p999Ms] = [0.5, 0.99, 0.999].map((share) =>
    rounded(percentile(latenciesMs, share)),
  );
  return {
    sent,
    failed,
    success,
    p50Ms,
    p99Ms,
    p999Ms,
    failures: Object.fromEntries(Object.entries(failures).slice(0, 5)),
  };
}

/** grpc-js's own round robin. */
function roundRobin(servers: readonly Address[]): Caller {
  const stub = openStub(servers);
  return { echo: (order) => echo(stub, order), close: async () => stub.close() };
}

/** Of two at random, the one with fewer calls in flight (Envoy's LEAST_REQUEST): it does not look at latency. */
function leastRequest(servers: readonly Address[]): Caller {
  const next = seeded(7);
  const peers = servers.map((server) => ({
    stub: new BenchServiceClient(hostPort(server), credentials.createInsecure()),
    inFlight: 0,
  }));
  const any = () => peers[Math.floor(next() * peers.length)] as (typeof peers)[number];
  return {
    async echo(order) {
      const [one, other] = [any(), any()];
      const peer = other.inFlight < one.inFlight ? other : one;
      peer.inFlight++;
      try {
        return await echo(peer.stub, order);
      } finally {
        peer.inFlight--;
      }
    },
    async close() {
      for (const { stub } of peers) stub.close();
    },
  };
}

function echo(stub: BenchServiceClient, order: Order): Promise<unknown> {
  return new Promise((resolve, reject) => {
    stub.echo(
      { order },
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, response) => {
        if (error === null) resolve(response);
        else reject(error);
      },
    );
  });
}
