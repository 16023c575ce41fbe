import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  createSagaRig,
  createWorld,
  ended,
  full,
  type SagaRig,
  type SagaRigTables,
  type Trip,
  tripSaga,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';
import type { Sagas } from './sagas.ts';
import { askStep } from './step.ts';

let rig: SagaRig;
let world: World;
beforeEach(async () => {
  rig = await createSagaRig();
  world = createWorld();
});
afterEach(() => rig.close());

describe('a step that is answered later', () => {
  const seat = (sent: string[], more = {}) =>
    askStep<SagaRigTables, Trip>('seat', {
      async send(tx, _, { sagaId, key }) {
        sent.push(key);
        await tx.insertInto('notes').values({ saga_id: sagaId, text: 'asked' }).execute();
      },
      async compensate(tx, _, { sagaId }) {
        await tx.insertInto('notes').values({ saga_id: sagaId, text: 'asked back' }).execute();
      },
      ...more,
    });
  const answer = (
    sagas: Sagas<SagaRigTables>,
    saga: ReturnType<typeof tripSaga>,
    change: (trip: Trip) => Trip,
  ) => rig.store.transaction((tx) => sagas.reply(tx, saga, { id: 'trip-1', step: 'seat', change }));

  test('goes on with the answer, and hears it once', async () => {
    const saga = tripSaga([seat([]), worldStep(world, 'train')]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    await rig.passes(async () => (await sagas.desk.show(id))?.waitsFor === 'reply');
    const taken = (trip: Trip): Trip => ({ ...trip, booked: ['12A'] });
    expect(await answer(sagas, saga, taken)).toBe('resumed');
    expect(await answer(sagas, saga, taken)).toBe('late');
    expect(await sagas.outcome(saga, id)).toMatchObject({ data: { booked: ['12A', 'train'] } });
  });

  test('goes back when the answer is no', async () => {
    const saga = tripSaga([worldStep(world, 'hotel'), seat([])]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    await rig.passes(async () => (await sagas.desk.show(id))?.waitsFor === 'reply');
    const no = (): Trip => {
      throw full();
    };
    expect(await answer(sagas, saga, no)).toBe('resumed');
    expect(await sagas.outcome(saga, id)).toMatchObject({ failure: { reason: 'NO_SEAT' } });
    expect(await rig.notes(id)).toEqual(['asked', 'compensated: NO_SEAT']);
    expect(world.trail).toEqual(['hotel', 'undo hotel']);
  });

  test('asks again if it may, then takes back what it asked for', async () => {
    const sent: string[] = [];
    const saga = tripSaga([seat(sent, { retry: { attempts: 2 } })]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    await rig.passes(() => ended(sagas, id));
    expect(sent).toEqual(['trip-1/seat', 'trip-1/seat']);
    expect(await rig.notes(id)).toEqual([
      'asked',
      'asked',
      'asked back',
      'compensated: REPLY_TIMEOUT',
    ]);
    expect(await answer(sagas, saga, (trip) => trip)).toBe('late');
  });
});
