/**
 * Both builds of the delivery end to end: incentives and payouts as `weft up` runs them, a real Consul and a real
 * nats-server, and each of the two services killed or stopped in turn.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BonusState, IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { PayoutsServiceDefinition, PerformanceSource } from '#gen/delivery/payouts/v1/payouts.ts';
import { type Client, closeClient, createClient, createConsul, createConsulDiscovery } from '#mesh';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

type Name = 'incentives' | 'payouts';
const patience = { withinMs: 40_000, everyMs: 100 };
let folder: string;
let consul: ConsulServer;
let nats: NatsServer;
let discovery: ReturnType<typeof createConsulDiscovery>;
let incentives: Client<IncentivesServiceDefinition>;
let payouts: Client<PayoutsServiceDefinition>;
const processes = new Map<Name, ServiceProcess>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-delivery-'));
  [consul, nats] = await Promise.all([startConsul(), startNats()]);
  discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const { resolver } = discovery;
  incentives = createClient(IncentivesServiceDefinition, { resolver });
  payouts = createClient(PayoutsServiceDefinition, { resolver });
}, 60_000);

afterEach(async () => {
  await Promise.all([...processes.values()].map((process) => process.close()));
  await Promise.all([incentives, payouts].map(closeClient));
  await discovery.close();
  await Promise.all([consul.close(), nats.close()]);
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function start(name: Name, flow: 'sync' | 'events'): void {
  const env = {
    ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, DELIVERY_FLOW: flow },
    ...{ STORE: `sqlite:${join(folder, `${name}.db`)}`, BATCH_EVERY_MS: '300' },
  };
  processes.set(name, startServiceProcess(join(import.meta.dirname, name, 'main.ts'), env));
}
const stop = async (name: Name): Promise<void> => processes.get(name)?.close();
/** Resolves when it is gone: what is sent to one that is dying waits for its ack, 30 s. */
const kill = async (name: Name): Promise<void> => {
  processes.get(name)?.child.kill('SIGKILL');
  await stop(name);
};
const deliver = async (deliveryId: string): Promise<BonusState> =>
  (await incentives.recordDelivery({ deliveryId, courierId: 'mercury', minutes: 20 })).bonusState;
const payout = () => payouts.getPayout({ courierId: 'mercury' });
const comesTo = (cents: bigint): Promise<unknown> =>
  eventually(async () => (await payout()).bonusCents === cents, patience);
const paid = async (): Promise<string[]> =>
  (await payouts.listBonuses({ courierId: '' })).bonuses.map(({ bonusId }) => bonusId);
const up = (deliveryId: string): Promise<unknown> =>
  eventually(() => deliver(deliveryId), { withinMs: 60_000, everyMs: 200 });

describe('told by events', () => {
  beforeEach(async () => {
    start('incentives', 'events');
    start('payouts', 'events');
    await up('d-0');
    await comesTo(150n);
  }, 60_000);

  test('while payouts is away bonuses wait in the stream, and each is paid once', async () => {
    await kill('payouts');
    for (const id of ['d-1', 'd-2', 'd-3', 'd-1']) {
      expect(await deliver(id)).toBe(BonusState.ANNOUNCED);
    }
    start('payouts', 'events');
    await comesTo(600n);
    expect(await paid()).toEqual(['d-0', 'd-1', 'd-2', 'd-3']);
  }, 90_000);

  test('while incentives is away payouts goes on from its copy, and says how old it is', async () => {
    await eventually(async () => (await payout()).deliveryCents === 400n, patience);
    await stop('incentives');
    const first = await payout();
    expect(first).toMatchObject({ source: PerformanceSource.COPY, deliveryCents: 400n });
    await eventually(async () => (await payout()).ageMs >= first.ageMs + 500n, patience);
    const later = await payout();
    expect(later.asOf).toEqual(first.asOf);
    start('incentives', 'events');
    await up('d-9');
    await eventually(async () => (await payout()).deliveryCents === 800n, patience);
  }, 90_000);

  test('a death of incentives between a delivery and its bonus loses nothing', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `k-${String(i).padStart(2, '0')}`);
    for (const id of ids) await deliver(id);
    await kill('incentives');
    start('incentives', 'events');
    await comesTo(150n * 21n);
    expect(await paid()).toEqual(['d-0', ...ids]);
  }, 90_000);
});

describe('by calls', () => {
  beforeEach(async () => {
    start('incentives', 'sync');
    start('payouts', 'sync');
    await up('d-0');
    await comesTo(150n);
  }, 60_000);

  test('while payouts is away bonuses need the batch, which is paid later', async () => {
    await stop('payouts');
    for (const id of ['d-1', 'd-2']) expect(await deliver(id)).toBe(BonusState.BATCHED);
    expect(await incentives.getUnpaid({})).toEqual({ bonuses: 2, cents: 300n });
    start('payouts', 'sync');
    await eventually(async () => (await incentives.getUnpaid({})).bonuses === 0, patience);
    await comesTo(450n);
    expect(await paid()).toEqual(['d-0', 'd-1', 'd-2']);
  }, 90_000);

  test('while incentives is away payouts does not know how much to pay', async () => {
    await stop('incentives');
    expect((await errorOf(payout())).status).toBe('UNAVAILABLE');
    start('incentives', 'sync');
    await comesTo(150n);
    expect((await payout()).source).toBe(PerformanceSource.ASKED);
  }, 90_000);
});
