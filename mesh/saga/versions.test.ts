import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { jsonData } from '../schema/data-codec.ts';
import {
  away,
  createSagaRig,
  createWorld,
  ended,
  type SagaRig,
  type SagaRigTables,
  type Trip,
  tripSaga,
  tripShape,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';
import { defineSaga } from './definition.ts';
import { askStep, callStep } from './step.ts';

let rig: SagaRig;
let world: World;
beforeEach(async () => {
  rig = await createSagaRig();
  world = createWorld();
});
afterEach(() => rig.close());

describe('versions', () => {
  const steps = () => [worldStep(world, 'hotel'), worldStep(world, 'train')];

  test('a new version goes on with what an old one began', async () => {
    const old = defineSaga<SagaRigTables, { who: string }>({
      name: 'trip',
      data: jsonData(tripShape.pick({}).loose() as never),
      steps: [callStep('train', { action: () => Promise.reject(away) })],
    });
    const first = rig.runner({ sagas: [old] });
    await rig.store.transaction((tx) =>
      first.start(tx, old, { id: 'trip-1', data: { who: 'ada' } }),
    );
    await first.outcome(old, 'trip-1', { whenPostponed: 'answer' });
    await first.close();
    const saga = tripSaga(steps(), {
      version: 2,
      migrate: (was) => ({ traveller: (was as { who: string }).who, booked: [] }),
    });
    const second = rig.runner({ sagas: [saga] });
    await rig.passes(() => ended(second, 'trip-1'));
    expect(await second.outcome(saga, 'trip-1')).toMatchObject({
      data: { traveller: 'ada', booked: ['train'] },
    });
  });

  test('an old version leaves the sagas of a newer one alone', async () => {
    const saga = tripSaga(steps(), { version: 3 });
    world.faults.set('hotel', [away]);
    const newer = rig.runner({ sagas: [saga] });
    const id = await rig.start(newer, saga);
    await newer.outcome(saga, id, { whenPostponed: 'answer' });
    await newer.close();
    const older = rig.runner({ sagas: [tripSaga(steps(), { version: 2 })] });
    rig.clock.advance(3_600_000);
    for (let i = 0; i < 20; i++) await rig.passes(() => true);
    expect(await older.desk.show(id)).toMatchObject({ status: 'running', step: 'hotel' });
    expect(world.calls).toEqual(['hotel']);
  });

  test('an old version says that it does not know a newer one, whatever it is asked, and writes nothing over it', async () => {
    const asking = () => [
      askStep<SagaRigTables, Trip>('seat', { send: () => Promise.resolve() }),
      ...steps(),
    ];
    const saga = tripSaga(asking(), { version: 3 });
    const newer = rig.runner({ sagas: [saga] });
    const id = await rig.start(newer, saga);
    await rig.passes(async () => (await newer.desk.show(id))?.waitsFor === 'reply');
    const oldSaga = tripSaga(asking(), { version: 2 });
    const older = rig.runner({ sagas: [oldSaga] });
    const reason = { status: 'FAILED_PRECONDITION', reason: 'SAGA_NEWER' };
    const change = (trip: Trip): Trip => ({ ...trip, booked: ['12A'] });
    const answer = { id, step: 'seat', change };
    // Called late, the answer would be lost: the handler that fails by this has its message again.
    await expect(
      rig.store.transaction((tx) => older.reply(tx, oldSaga, answer)),
    ).rejects.toMatchObject(reason);
    await expect(older.outcome(oldSaga, id)).rejects.toMatchObject(reason);
    for (const order of ['retry', 'skip', 'compensate'] as const) {
      await expect(older.desk.steer(id, order)).rejects.toMatchObject(reason);
    }
    expect(await older.desk.show(id)).toMatchObject({ version: 3, step: 'seat' });
    const resumed = await rig.store.transaction((tx) => newer.reply(tx, saga, answer));
    expect(resumed).toBe('resumed');
    expect(await newer.outcome(saga, id)).toMatchObject({ status: 'done' });
  });

  test('data that are none, or a step that is gone, need a person; nothing is lost', async () => {
    const saga = tripSaga(steps());
    world.faults.set('train', [away]);
    const first = rig.runner({ sagas: [saga] });
    const id = await rig.start(first, saga);
    await rig.passes(async () => (await first.desk.show(id))?.step === 'train');
    await first.outcome(saga, id, { whenPostponed: 'answer' });
    await first.close();
    const without = rig.runner({ sagas: [tripSaga([worldStep(world, 'hotel')])] });
    expect(await rig.passes(() => ended(without, id))).toMatchObject({
      status: 'stuck',
      lastError: expect.stringContaining('does not have'),
    });
    await without.close();
    const again = rig.runner({ sagas: [saga] });
    await again.desk.steer(id, 'retry');
    expect(await again.outcome(saga, id)).toMatchObject({ status: 'done' });
  });
});
