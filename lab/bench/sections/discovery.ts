import { createConsul, createConsulDiscovery } from '#mesh';
import { startConsul } from '../../../mesh/testing/consul.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { rounded } from '../../suite/stats.ts';
import type { Client } from '../contender.ts';
import { openFrom } from '../contenders/weft.ts';
import { watchedTransport } from '../contenders/weft-transport.ts';
import type { EchoResponse } from '../gen/bench/v1/bench.ts';
import { startInstance, watchConsul } from '../instances.ts';
import { sampleOrders } from '../work.ts';
import { updates } from './updates.ts';

const orders = sampleOrders(64);
const callers = 16;

type Later = <C extends { close(): Promise<unknown> }>(opened: C) => C;

/** How news of instances travels through a real Consul: of those that come, and of those that are killed. */
export const discovery: Section = (plan) =>
  closing(async (later) => {
    const consul = later(await startConsul());
    const arrivals = await arrive(plan, consul.address, later);
    const deaths = await die(plan, consul.address, later);
    const scale = await updates(plan);
    return {
      figures: {
        'discovery-first-call-ms': Math.max(...arrivals),
        'death-last-call-ms': Math.max(...deaths.map(({ lastSentMs }) => lastSentMs)),
        'death-failed': deaths.reduce((sum, { failed }) => sum + failed, 0),
      },
      data: { firstCallMs: arrivals, deaths, scale },
    };
  });

/** A client that finds its instances through Consul, and a closed loop of callers on it. */
function openLoadedClient(address: string, later: Later) {
  const own = createConsulDiscovery({ consul: createConsul({ address }) });
  later(own);
  const sent = new Map<string, Sent>();
  const transport = watchedTransport((instanceId) => noteOf(sent, instanceId));
  const client = later(openFrom(own.resolver, { lane: true }, { transport }));
  return { client, sent };
}

/** What went to one instance, in ms of `performance`. */
interface Sent {
  /** The last attempt of any kind, one that found nobody included. */
  triedAt: number;
  /** The last that was really sent: the instance may have got it. */
  sentAt: number;
}

function noteOf(sent: Map<string, Sent>, instanceId: string) {
  const note = sent.get(instanceId) ?? { triedAt: Number.NaN, sentAt: Number.NaN };
  sent.set(instanceId, note);
  const at = performance.now();
  note.triedAt = at;
  return (reached: boolean): void => {
    if (reached && !(note.sentAt > at)) note.sentAt = at;
  };
}

/** Calls until told to stop; gives every answer's server with its moment, and counts what failed. */
function callOn(client: Client, onAnswer: (server: string) => void) {
  let running = true;
  const counts = { calls: 0, failed: 0 };
  const errors: string[] = [];
  const loop = async (n: number): Promise<void> => {
    while (running) {
      try {
        const answer = (await client.echo(
          orders[n % orders.length] as (typeof orders)[number],
        )) as EchoResponse;
        counts.calls++;
        onAnswer(answer.server);
      } catch (thrown) {
        counts.failed++;
        if (errors.length < 5) errors.push(String(thrown).slice(0, 200));
      }
      // Load enough to meet every moment, and no more than leaves Consul its turn.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const loops = Array.from({ length: callers }, (_, n) => loop(n));
  return {
    counts,
    errors,
    async stop() {
      running = false;
      await Promise.all(loops);
    },
  };
}

async function arrive(plan: Plan, address: string, later: Later): Promise<number[]> {
  later(await startInstance({ consul: address, name: 'bench-old', version: '1' }));
  const { client } = openLoadedClient(address, later);
  await client.echo(orders[0] as (typeof orders)[number]);
  const passingAt = new Map<string, number>();
  const servedAt = new Map<string, number>();
  const note = (into: Map<string, number>, name: string): void => {
    if (!into.has(name)) into.set(name, performance.now());
  };
  const watch = later(watchConsul(address, (ids) => ids.forEach((id) => note(passingAt, id))));
  const load = callOn(client, (server) => note(servedAt, server));
  const took: number[] = [];
  for (let n = 0; n < (plan.quick ? 2 : 10); n++) {
    const name = `bench-new-${n}`;
    const instance = await startInstance({ consul: address, name, version: '1' });
    await eventually(() => servedAt.has(name) && passingAt.has(name));
    // Weft may hear of it before the bench does: then it took no time.
    took.push(rounded(Math.max(0, (servedAt.get(name) ?? 0) - (passingAt.get(name) ?? 0))));
    plan.say(`  passing -> first call served: ${String(took.at(-1))} ms`);
    await instance.close();
  }
  await load.stop();
  await watch.close();
  return took;
}

/** What happened around one SIGKILL. */
interface Death {
  /** From the signal to the last call that was sent there. */
  readonly lastSentMs: number;
  /** From the signal to the last attempt of any kind, which a dead port refuses at once. */
  readonly lastTriedMs: number;
  readonly calls: number;
  readonly failed: number;
  readonly errors: readonly string[];
}

async function die(plan: Plan, address: string, later: Later): Promise<Death[]> {
  for (const name of ['bench-stays-1', 'bench-stays-2']) {
    later(await startInstance({ consul: address, name, version: '1' }));
  }
  const deaths: Death[] = [];
  for (let n = 0; n < (plan.quick ? 1 : 5); n++) {
    const name = `bench-dies-${n}`;
    const victim = later(await startInstance({ consul: address, name, version: '1' }));
    const { client, sent } = openLoadedClient(address, later);
    const seen = new Map<string, number>();
    const load = callOn(client, (server) => seen.set(server, (seen.get(server) ?? 0) + 1));
    await eventually(() => (seen.get(name) ?? 0) > 100);
    const killedAt = performance.now();
    victim.kill();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await load.stop();
    const { sentAt = Number.NaN, triedAt = Number.NaN } = sent.get(name) ?? {};
    const since = (at: number): number => rounded(Math.max(0, at - killedAt));
    const [lastSentMs, lastTriedMs] = [since(sentAt), since(triedAt)];
    deaths.push({ lastSentMs, lastTriedMs, ...load.counts, errors: load.errors });
    plan.say(`  SIGKILL: ${JSON.stringify(deaths.at(-1))}`);
  }
  return deaths;
}
