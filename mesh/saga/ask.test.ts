import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DishReady, PrepareDish } from '../../gen/bistro/kitchen/v1/messages.ts';
import { exchange } from '../events/ask/exchange.ts';
import { onReply } from '../events/ask/on-reply.ts';
import { onRequest } from '../events/ask/on-request.ts';
import type { Bus } from '../events/bus/bus.ts';
import { createMemoryBus } from '../events/bus/memory.ts';
import { createEvents, type Events } from '../events/events.ts';
import { eventMigrations } from '../events/migrations.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import { weftImage } from '../schema/image.ts';
import { openStore, type Store } from '../store/store.ts';
import {
  createWorld,
  full,
  many,
  type SagaRigTables,
  sagaRigMigrations,
  type Trip,
  tripSaga,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';
import { createSagas, type Sagas } from './sagas.ts';
import { askStep } from './step.ts';

const preparation = exchange(PrepareDish, DishReady);
const opened: Closeable[] = [];
let bus: Bus;
let store: Store<SagaRigTables>;
let events: Events<SagaRigTables>;
let world: World;
/** What the cook throws, one after the other. */
let refusals: unknown[];

const serviceOf = async (source: string): Promise<[Store<SagaRigTables>, typeof events]> => {
  const migrations = [...eventMigrations, ...sagaRigMigrations];
  const own = await openStore<SagaRigTables>({ url: 'sqlite::memory:', migrations });
  const speaking = createEvents({ image: weftImage(), store: own, bus, source });
  opened.push(own, speaking);
  speaking.start();
  return [own, speaking];
};

beforeEach(async () => {
  bus = createMemoryBus({ clock: systemClock });
  opened.push(bus);
  world = createWorld();
  refusals = [];
  [store, events] = await serviceOf('waiter');
  const [, kitchen] = await serviceOf('kitchen');
  await kitchen.subscribe({
    ...{ consumer: 'kitchen', retryMs: 5, pauseMs: 20, maxDeliveries: 1 },
    handlers: [
      onRequest(preparation, async ({ orderId }) => {
        const thrown = refusals.shift();
        if (thrown !== undefined) throw thrown as Error;
        return { orderId, cook: 'ada' };
      }),
    ],
  });
});
afterEach(() => closeAll(opened.splice(0)));

const saga = () =>
  tripSaga([
    worldStep(world, 'table'),
    askStep<SagaRigTables, Trip>('dish', {
      retry: { firstMs: 1, attempts: 3 },
      async send(tx, _, { sagaId }) {
        const order = { orderId: sagaId, table: 'three', dish: 'soup' };
        await events.ask(tx, preparation, order, { timeoutMs: 20_000 });
      },
    }),
    worldStep(world, 'bill'),
  ]);

/** Runs one saga whose step is answered through the outbox of another service. */
async function dine(): Promise<Awaited<ReturnType<Sagas<SagaRigTables>['outcome']>>> {
  const dinner = saga();
  const sagas = createSagas({ store, sagas: [dinner], pollMs: 10 });
  opened.push(sagas);
  sagas.run();
  await events.subscribe({
    consumer: 'waiter',
    handlers: [
      onReply(preparation, async (outcome, { request, tx }) => {
        const step = { id: request.orderId, step: 'dish' };
        await sagas.reply(
          tx,
          dinner,
          outcome.kind === 'reply'
            ? {
                ...step,
                change: (trip) => ({ ...trip, booked: [...trip.booked, outcome.reply.cook] }),
              }
            : { ...step, error: outcome.error },
        );
      }),
    ],
  });
  const data = { traveller: 'bob', booked: [] };
  await store.transaction((tx) => sagas.start(tx, dinner, { id: 'dinner-1', data }));
  return sagas.outcome(dinner, 'dinner-1');
}

test('a step may be a question to another service: the saga goes on with its reply', async () => {
  expect(await dine()).toMatchObject({
    status: 'done',
    data: { booked: ['table', 'ada', 'bill'] },
  });
});

test('a refusal of the other service turns the saga back', async () => {
  refusals = [full()];
  expect(await dine()).toMatchObject({
    status: 'compensated',
    failure: { step: 'dish', reason: 'NO_SEAT' },
  });
  expect(world.trail).toEqual(['table', 'undo table']);
});

test('a fault of the other service is asked again', async () => {
  refusals = many(2, () => new TypeError('the oven is not a function'));
  expect(await dine()).toMatchObject({ status: 'done' });
  expect(refusals).toEqual([]);
});
