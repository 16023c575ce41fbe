import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BonusEarned, CourierPerformance } from '#gen/delivery/incentives/v1/messages.ts';
import { PayoutsServiceDefinition, PerformanceSource } from '#gen/delivery/payouts/v1/payouts.ts';
import type { AppTools, Client } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { payoutsParts } from './parts.ts';
import { type PayoutsDb, payoutsMigrations } from './store.ts';

let mesh: InProcessMesh;
let incentives: AppTools<unknown>;
let payouts: Client<PayoutsServiceDefinition>;

beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start({
    name: 'incentives',
    build: (tools) => {
      incentives = tools;
      return { services: [] };
    },
  });
  payouts = mesh.client(PayoutsServiceDefinition);
});
afterEach(() => mesh.close());

const start = (flow: 'sync' | 'events') =>
  mesh.start({
    name: 'payouts',
    migrations: payoutsMigrations,
    build: (tools: AppTools<PayoutsDb>) => payoutsParts(tools, { flow }),
  });
const tell = (deliveries: number): Promise<unknown> =>
  incentives.store.transaction((tx) =>
    incentives.events.publish(tx, CourierPerformance, {
      ...{ courierId: 'mercury', deliveries, inTime: deliveries },
    }),
  );
const payout = () => payouts.getPayout({ courierId: 'mercury' });

test('the copy answers, and says from when it is', async () => {
  await start('events');
  await tell(1);
  await eventually(async () => (await payout()).deliveryCents === 400n);
  await tell(3);
  await eventually(async () => (await payout()).deliveryCents === 1200n);
  const { source, asOf, ageMs } = await payout();
  expect(source).toBe(PerformanceSource.COPY);
  expect(asOf?.seconds).toBeGreaterThan(1_600_000_000n);
  expect(ageMs).toBeLessThan(30_000n);
  await eventually(async () => (await payout()).ageMs > ageMs);
});

test('a bonus that is told of or called for twice is paid once', async () => {
  await start('events');
  const bonus = { bonusId: 'd-1', courierId: 'mercury', cents: 150 };
  const announce = (): Promise<unknown> =>
    incentives.store.transaction((tx) => incentives.events.publish(tx, BonusEarned, bonus));
  await announce();
  await announce();
  await tell(1);
  await payouts.payBonus(bonus);
  await eventually(async () => (await payout()).bonusCents === 150n);
  await incentives.store.transaction((tx) =>
    incentives.events.publish(tx, BonusEarned, { ...bonus, bonusId: 'd-2' }),
  );
  await eventually(async () => (await payout()).bonusCents === 300n);
  expect((await payouts.listBonuses({ courierId: '' })).bonuses).toEqual([
    bonus,
    { ...bonus, bonusId: 'd-2' },
  ]);
});

test('who asks for each answer has none while incentives does not serve', async () => {
  await start('sync');
  expect((await errorOf(payout())).status).not.toBe('NOT_FOUND');
});

test('of a courier of whom nothing was told nothing is known', async () => {
  await start('events');
  expect(await errorOf(payout())).toMatchObject({ reason: 'NO_SUCH_COURIER' });
});
