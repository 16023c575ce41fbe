import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BonusState, IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { BonusEarned, CourierPerformance } from '#gen/delivery/incentives/v1/messages.ts';
import {
  type PayBonusRequest,
  PayoutsServiceDefinition,
} from '#gen/delivery/payouts/v1/payouts.ts';
import { type AppTools, type Client, type Implementation, implement, MeshError, on } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { incentivesParts } from './parts.ts';
import { type IncentivesDb, incentivesMigrations } from './store.ts';

let mesh: InProcessMesh;
let incentives: Client<IncentivesServiceDefinition>;

beforeEach(() => {
  mesh = createInProcessMesh();
  incentives = mesh.client(IncentivesServiceDefinition);
});
afterEach(() => mesh.close());

const start = (flow: 'sync' | 'events') =>
  mesh.start({
    name: 'incentives',
    migrations: incentivesMigrations,
    build: (tools: AppTools<IncentivesDb>) => incentivesParts(tools, { flow, batchEveryMs: 50 }),
  });
const deliver = async (deliveryId: string, minutes = 10) =>
  (await incentives.recordDelivery({ deliveryId, courierId: 'mercury', minutes })).bonusState;

test('by events: a bonus is told of once, and so is each change of performance', async () => {
  const bonuses: string[] = [];
  let newest = 0;
  await mesh.start({
    name: 'listener',
    build: () => ({
      services: [],
      consumer: {
        handlers: [
          on(BonusEarned, async ({ bonusId }) => void bonuses.push(bonusId)),
          on(CourierPerformance, async ({ deliveries }) => void (newest = deliveries)),
        ],
      },
    }),
  });
  await start('events');
  expect(await deliver('d-1')).toBe(BonusState.ANNOUNCED);
  expect(await deliver('d-1')).toBe(BonusState.ANNOUNCED);
  expect(await deliver('d-2', 45)).toBe(BonusState.NONE);
  await eventually(() => newest === 2);
  await eventually(() => bonuses.length === 1);
  expect(bonuses).toEqual(['d-1']);
  const performance = await incentives.getPerformance({ courierId: 'mercury' });
  expect(performance).toEqual({ deliveries: 2, inTime: 1 });
});

test('by calls: what payouts does not accept waits in the batch, and is paid when it is back', async () => {
  let away = true;
  const paid: PayBonusRequest[] = [];
  const payouts: Implementation<PayoutsServiceDefinition> = {
    async payBonus(bonus) {
      if (away) throw new MeshError('payouts is away', { status: 'FAILED_PRECONDITION' });
      paid.push(bonus);
      return {};
    },
    getPayout: () => Promise.reject(new Error('not asked here')),
    listBonuses: () => Promise.reject(new Error('not asked here')),
  };
  await mesh.start({
    name: 'payouts',
    build: () => ({ services: [implement(PayoutsServiceDefinition, payouts)] }),
  });
  await start('sync');
  expect(await deliver('d-1')).toBe(BonusState.BATCHED);
  expect(await incentives.getUnpaid({})).toEqual({ bonuses: 1, cents: 150n });
  away = false;
  await eventually(async () => (await incentives.getUnpaid({})).bonuses === 0);
  expect(await deliver('d-2')).toBe(BonusState.PAID);
  expect(await deliver('d-1')).toBe(BonusState.PAID);
  expect(paid.map(({ bonusId }) => bonusId)).toEqual(['d-1', 'd-2']);
});

test('of a courier who has delivered nothing nothing is known', async () => {
  await start('events');
  const error = await errorOf(incentives.getPerformance({ courierId: 'nobody' }));
  expect(error).toMatchObject({ status: 'NOT_FOUND', reason: 'NO_SUCH_COURIER' });
});
