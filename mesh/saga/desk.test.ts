import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  away,
  bug,
  createSagaRig,
  createWorld,
  ended,
  many,
  oneWayStep,
  type SagaRig,
  tripSaga,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';

let rig: SagaRig;
let world: World;
beforeEach(async () => {
  rig = await createSagaRig();
  world = createWorld();
});
afterEach(() => rig.close());

describe('a person', () => {
  test('skips a step that was done by hand', async () => {
    const saga = tripSaga([worldStep(world, 'pay', { pivot: true }), oneWayStep(world, 'print')]);
    world.faults.set('print', many(5, bug));
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    expect(await rig.passes(() => ended(sagas, id))).toMatchObject({
      status: 'stuck',
      step: 'print',
    });
    await expect(sagas.desk.steer(id, 'compensate')).rejects.toMatchObject({
      reason: 'NO_WAY_BACK',
    });
    await sagas.desk.steer(id, 'skip');
    expect(await sagas.outcome(saga, id)).toMatchObject({ status: 'done' });
    expect((await sagas.desk.show(id))?.history.at(-1)).toMatchObject({ outcome: 'skipped' });
    await expect(sagas.desk.steer(id, 'retry')).rejects.toMatchObject({ reason: 'SAGA_OVER' });
  });

  test('turns a saga back that waits for somebody who is away', async () => {
    const saga = tripSaga([worldStep(world, 'hotel'), worldStep(world, 'train')]);
    world.faults.set(
      'train',
      many(99, () => away),
    );
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    await sagas.outcome(saga, id, { whenPostponed: 'answer' });
    expect(await sagas.desk.list({ limit: 10 })).toMatchObject([
      { id, step: 'train', attempts: 1 },
    ]);
    expect(await sagas.desk.counts()).toEqual({ running: 1, compensating: 0, stuck: 0 });
    await sagas.desk.steer(id, 'compensate');
    expect(await sagas.outcome(saga, id)).toMatchObject({ failure: { reason: 'BY_HAND' } });
    expect(await sagas.desk.list({ limit: 10 })).toEqual([]);
    expect(await sagas.desk.list({ all: true, limit: 10 })).toHaveLength(1);
  });
});
