import { createConsul, createConsulDiscovery } from '#mesh';
import { createConsulConfig } from '../../../mesh/config/consul.ts';
import { startConsul } from '../../../mesh/testing/consul.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { closing, type Section } from '../../suite/section.ts';
import type { Client } from '../contender.ts';
import { openFrom } from '../contenders/weft.ts';
import type { EchoResponse } from '../gen/bench/v1/bench.ts';
import { startInstance } from '../instances.ts';
import { sampleOrders } from '../work.ts';

const orders = sampleOrders(64);
const callers = 16;

/** Shares of version 1, in percent; the rest is version 2's. */
const shares = [90, 50, 1];

/** Shares of traffic as Consul's own config entries say them, and as ten thousand calls find them. */
export const split: Section = (plan) =>
  closing(async (later) => {
    const { address } = later(await startConsul());
    for (const [name, version] of [
      ['bench-one', '1'],
      ['bench-two', '2'],
    ] as const) {
      later(await startInstance({ consul: address, name, version }));
    }
    await write(address, { Kind: 'service-defaults', Name: 'bench', Protocol: 'grpc' });
    await write(address, {
      Kind: 'service-resolver',
      Name: 'bench',
      Subsets: {
        v1: { Filter: 'Service.Meta.version == "1"' },
        v2: { Filter: 'Service.Meta.version == "2"' },
      },
    });
    const consul = createConsul({ address });
    const found = later(createConsulDiscovery({ consul }));
    const config = createConsulConfig({ consul });
    later({ close: async () => config.close() });
    const ports = { trafficSource: config.traffic };
    const client = later(openFrom(found.resolver, { lane: true }, ports));
    const calls = plan.quick ? 500 : 10_000;
    const data: Record<string, object> = {};
    let worst = 0;
    for (const share of shares) {
      await write(address, splitter(share));
      await eventually(async () => Math.abs((await shareOfOne(client, 200)) - share / 100) < 0.05);
      const seen = await shareOfOne(client, calls);
      const error = Math.abs(seen - share / 100);
      data[share] = { calls, configured: share / 100, seen };
      plan.say(`  ${share} %: ${(100 * seen).toFixed(2)} % of ${calls} calls`);
      worst = Math.max(worst, error);
    }
    return { figures: { 'split-error': Number(worst.toFixed(5)) }, data };
  });

function splitter(share: number): object {
  return {
    Kind: 'service-splitter',
    Name: 'bench',
    Splits: [
      { Weight: share, ServiceSubset: 'v1' },
      { Weight: 100 - share, ServiceSubset: 'v2' },
    ],
  };
}

/** As an operator does it: `consul config write`. */
async function write(address: string, entry: object): Promise<void> {
  const body = JSON.stringify(entry);
  const answer = await fetch(`${address}/v1/config`, { method: 'PUT', body });
  if (!answer.ok) throw new Error(`Consul refused ${body}: ${await answer.text()}`);
}

/** The share of calls that version 1 answers. */
async function shareOfOne(client: Client, calls: number): Promise<number> {
  let [n, one] = [0, 0];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (n < calls) {
        const order = orders[n++ % orders.length] as (typeof orders)[number];
        const { server } = (await client.echo(order)) as EchoResponse;
        if (server === 'bench-one') one++;
      }
    }),
  );
  return one / calls;
}
