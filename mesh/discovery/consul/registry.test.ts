import { afterEach, expect, test } from '@jest/globals';
import { type Consul, createConsul } from '../../consul/client.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createConsulRegistry } from './registry.ts';

let consul: Consul | undefined;

afterEach(() => consul?.close());

test('an instance that waits to be found says for what, once for each cause', async () => {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  const clock = createFakeClock();
  // Nobody listens at port 1.
  consul = createConsul({ address: 'http://127.0.0.1:1' });
  const ports = { consul, clock, random: systemRandom, log };
  const { registry } = createConsulRegistry(ports, {
    ...{ intervalMs: 1_000, timeoutMs: 1_000, forgetAfterMs: 60_000 },
  });
  const giveUp = new AbortController();
  const endpoint = { instanceId: 'a-1', service: 'a', host: '127.0.0.1', port: 9, metadata: {} };
  const registered = registry.register(endpoint, giveUp.signal);
  const tries = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await eventually(() => clock.pending > 0);
      clock.advance(1_200);
    }
  };
  await tries(2);
  expect(warnings).toEqual([]);
  await tries(6);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^a-1 cannot be found by others: Consul at http:\/\/127\.0\.0\.1:1, registering a-1: .*; start Consul, or say where its agent answers \(MESH_CONSUL\); trying on$/,
    ),
  ]);
  giveUp.abort();
  await expect(registered).rejects.toMatchObject({ reason: 'CONSUL_UNAVAILABLE' });
});
