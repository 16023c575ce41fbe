/**
 * "Client-side discovery is independent of the platform; server-side discovery is the platform's work": the same
 * greeters called by who finds them in Consul, and through a proxy that finds them by Consul's DNS.
 */
import { readFileSync } from 'node:fs';
import type { GreeterServiceDefinition } from '#gen/registrar/greeter/v1/greeter.ts';
import { type Client, systemClock } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { openRegistrarGround, type RegistrarGround } from '../../mesh/testing/registrar-ground.ts';
import { percentile, rounded } from '../suite/stats.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Effort, Experiment } from './experiment.ts';

const perSecond = 200;
/** Calm, and then as long again with one greeter killed in the beginning. */
const partMs = { full: 15_000, short: 3_000 };

interface Seen {
  readonly way: string;
  readonly calls: number;
  /** While nothing happens, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** CPU that the process of the hop took, for a call, in microseconds; where it is not used it only asks DNS. */
  readonly hopMicros: number;
  /** After one of two greeters was killed. */
  readonly failed: number;
  readonly slowestMs: number;
}

export const hop: Experiment = {
  name: 'hop',
  async run(say, effort) {
    const ground = await openRegistrarGround();
    try {
      say('client-side');
      const direct = await play('client-side', ground, { client: ground.direct, effort });
      ground.startGreeter('greeter-a');
      say('a server-side hop');
      const proxied = await play('server-side, one hop', ground, {
        client: ground.proxied,
        effort,
      });
      const added = rounded(proxied.p50 - direct.p50);
      return {
        claims: claimsOf(direct, proxied),
        bars: [
          { name: 'hop-direct-failed', value: direct.failed, op: '<=', bar: 0, unit: 'calls' },
        ],
        data: { direct, proxied, added },
        charts: {},
        tables: { hop: table([direct, proxied]) },
      };
    } finally {
      await ground.close();
    }
  },
};

async function play(
  way: string,
  ground: RegistrarGround,
  {
    client,
    effort,
  }: { readonly client: Client<GreeterServiceDefinition>; readonly effort: Effort },
): Promise<Seen> {
  const greet = async (): Promise<string> => (await client.greet({ name: 'ada' })).greetedBy;
  await eventually(
    async () => new Set(await Promise.all(Array.from({ length: 20 }, greet))).size === 2,
    { withinMs: 60_000, everyMs: 100 },
  );
  const before = cpuMs(ground.proxyPid);
  const calm = await call(greet, partMs[effort]);
  const hopMs = cpuMs(ground.proxyPid) - before;
  await ground.rig.kill('greeter-a');
  const after = await call(greet, partMs[effort]);
  return {
    ...{ way, calls: calm.latencies.length },
    p50: rounded(percentile(calm.latencies, 0.5)),
    p99: rounded(percentile(calm.latencies, 0.99)),
    hopMicros: Math.round((1000 * hopMs) / calm.latencies.length),
    failed: calm.failed + after.failed,
    slowestMs: Math.round(Math.max(...after.latencies)),
  };
}

/** Calls at a steady rate, whatever comes back. */
async function call(
  greet: () => Promise<string>,
  forMs: number,
): Promise<{ readonly latencies: readonly number[]; readonly failed: number }> {
  const latencies: number[] = [];
  let failed = 0;
  const running: Promise<void>[] = [];
  const one = async (): Promise<void> => {
    const begin = systemClock.monotonic();
    await greet().catch(() => failed++);
    latencies.push(systemClock.monotonic() - begin);
  };
  const begin = systemClock.monotonic();
  for (let now = begin; now - begin < forMs; now = systemClock.monotonic()) {
    while (running.length < ((now - begin) * perSecond) / 1000) running.push(one());
    await systemClock.sleep(1);
  }
  await Promise.all(running);
  return { latencies, failed };
}

/** User and system time of a process so far, in ms (proc(5): fields 14 and 15, in hundredths of a second). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

function claimsOf(direct: Seen, proxied: Seen): readonly Claim[] {
  const source = sources.interprocess;
  const setup = `Two greeters that know nothing of Consul, a registrar, ${String(perSecond)} calls a second by plain gRPC; once the client finds them in Consul, once it knows a proxy that asks Consul's DNS. Then one greeter is killed.`;
  return [
    {
      claim: 'A server-side hop costs each call a way and work that client-side discovery saves.',
      ...{ source, setup, held: proxied.p50 > direct.p50 },
      result: `p50 ${String(direct.p50)} ms and ${String(proxied.p50)} ms; the hop takes ${String(proxied.hopMicros)} µs of CPU for a call.`,
    },
    {
      claim: 'Either way an instance that dies is no failure for the caller.',
      ...{ source, setup, held: direct.failed === 0 && proxied.failed === 0 },
      result: `After the kill ${String(direct.failed)} calls failed client-side, the slowest took ${String(direct.slowestMs)} ms; through the hop ${String(proxied.failed)}, ${String(proxied.slowestMs)} ms.`,
    },
  ];
}

function table(seen: readonly Seen[]): string {
  return markdownTable(
    [
      'discovery',
      'calls',
      'p50 ms',
      'p99 ms',
      'CPU of the hop µs',
      'failed',
      'slowest after a kill ms',
    ],
    seen.map(({ way, calls, p50, p99, hopMicros, failed, slowestMs }) => {
      return [way, calls, p50, p99, hopMicros, failed, slowestMs];
    }),
  );
}
