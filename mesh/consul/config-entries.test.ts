import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import { type Consul, createConsul } from './client.ts';
import type { ConfigEntry } from './types.ts';
import { watchConsul } from './watch.ts';

let server: ConsulServer;
let consul: Consul;
beforeAll(async () => {
  server = await startConsul();
  consul = createConsul({ address: server.address });
});
afterAll(async () => {
  consul.close();
  await server.close();
});

test('config entries are written, followed and removed', async () => {
  let seen: readonly ConfigEntry[] | undefined;
  const watch = watchConsul<readonly ConfigEntry[]>({
    ask: (block, signal) => consul.configEntries('service-splitter', { block, signal }),
    onAnswer: (entries) => {
      seen = entries;
    },
    onError: () => undefined,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  await eventually(() => {
    expect(seen).toEqual([]);
  });

  const Splits = [{ Weight: 99.5 }, { Weight: 0.5, Service: 'orders-next' }];
  const split = { kind: 'service-splitter', name: 'orders', fields: { Splits } } as const;
  // Only what speaks HTTP may be split, and Consul knows that from the service's defaults.
  await expect(consul.putConfigEntry(split)).rejects.toThrow('protocol');
  for (const name of ['orders', 'orders-next']) {
    await consul.putConfigEntry({ kind: 'service-defaults', name, fields: { Protocol: 'grpc' } });
  }
  await consul.putConfigEntry(split);
  await eventually(() => {
    expect(seen?.map(({ name, fields }) => [name, fields['Splits']])).toEqual([['orders', Splits]]);
  });
  expect(seen?.[0]?.version).toBeGreaterThan(0);

  await consul.deleteConfigEntry('service-splitter', 'orders');
  await consul.deleteConfigEntry('service-splitter', 'orders');
  await eventually(() => {
    expect(seen).toEqual([]);
  });
  watch.close();
});
