import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Context, currentContext, runInContext } from '../kernel/context.ts';
import { createSpanRing } from '../telemetry/spans.ts';
import {
  away,
  bug,
  createSagaRig,
  createWorld,
  ended,
  full,
  many,
  noteStep,
  oneWayStep,
  type SagaRig,
  type SagaRigTables,
  type Trip,
  tripSaga,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';
import { callStep, localStep } from './step.ts';

let rig: SagaRig;
let world: World;
beforeEach(async () => {
  rig = await createSagaRig();
  world = createWorld();
});
afterEach(() => rig.close());

describe('a saga', () => {
  test('runs its steps in order, each with its own key, and ends with its hook', async () => {
    const keys: string[] = [];
    const steps = ['hotel', 'train'].map((name) =>
      callStep<SagaRigTables, Trip>(name, {
        async action(data, { key }) {
          keys.push(key);
          return { ...data, booked: [...data.booked, name] };
        },
      }),
    );
    const saga = tripSaga([...steps, noteStep('ticket')]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    const outcome = await sagas.outcome(saga, id);
    expect(outcome).toEqual({
      status: 'done',
      data: { traveller: 'ada', booked: ['hotel', 'train'] },
    });
    expect(keys).toEqual(['trip-1/hotel', 'trip-1/train']);
    expect(await rig.notes(id)).toEqual(['ticket', 'done']);
  });

  test('leaves a span for each try of a step, in the trace in which it was started', async () => {
    const steps = ['hotel', 'train', 'boat'].map((name) => worldStep(world, name));
    world.faults.set('hotel', [away]);
    world.faults.set('boat', [full()]);
    const saga = tripSaga(steps);
    const spans = createSpanRing();
    const sagas = rig.runner({ sagas: [saga], spans });
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const id = await runInContext({ trace }, () => rig.start(sagas, saga));
    const over = sagas.outcome(saga, id);
    await rig.passes(() => ended(sagas, id));
    expect(await over).toMatchObject({ status: 'compensated' });
    const told = spans.ofTrace(trace.traceId);
    expect(
      told.map(({ name, status, attempts }) => `${name} ${status} ${String(attempts)}`),
    ).toEqual([
      'trip/hotel UNAVAILABLE 1',
      'trip/hotel OK 2',
      'trip/train OK 1',
      'trip/boat FAILED_PRECONDITION 1',
      'trip/train/undo OK 1',
      'trip/hotel/undo OK 1',
    ]);
    for (const span of told) {
      expect(span).toMatchObject({ kind: 'step', peer: id, parentSpanId: trace.spanId });
    }
  });

  test('keeps tracestate and baggage of who started it for all its steps, also after a restart', async () => {
    const seen: Context[] = [];
    const around = (): Promise<void> => {
      seen.push(currentContext());
      return Promise.resolve();
    };
    const steps = ['hotel', 'train'].map((name) => worldStep(world, name, {}, around));
    world.faults.set('train', [away]);
    const saga = tripSaga(steps);
    const first = rig.runner({ sagas: [saga] });
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state: 'rojo=1', flags: 0 };
    const baggage = new Map([['tenant', { value: 'Amélie', properties: 'ttl=60' }]]);
    const id = await runInContext({ trace, baggage }, () => rig.start(first, saga));
    await rig.passes(() => world.calls.includes('train'));
    await first.close();
    const sagas = rig.runner({ sagas: [saga] });
    await rig.passes(() => ended(sagas, id));
    expect(world.calls).toEqual(['hotel', 'train', 'train']);
    expect(seen.length).toBeGreaterThanOrEqual(5);
    for (const context of seen) {
      expect(context.trace).toEqual({ ...trace, spanId: expect.not.stringMatching('b{16}') });
      expect(context.baggage).toEqual(baggage);
    }
  });

  test('does not begin when the transaction that starts it is rolled back', async () => {
    const saga = tripSaga([worldStep(world, 'hotel')]);
    const sagas = rig.runner({ sagas: [saga] });
    const data = { traveller: 'ada', booked: [] };
    const starting = rig.store.transaction(async (tx) => {
      await sagas.start(tx, saga, { id: 'trip-1', data });
      throw new Error('after all not');
    });
    await expect(starting).rejects.toThrow('after all not');
    await expect(sagas.outcome(saga, 'trip-1')).rejects.toMatchObject({ reason: 'SAGA_NOT_FOUND' });
    expect(world.calls).toEqual([]);
  });

  test('that is started twice under one id runs once; another saga cannot have the id', async () => {
    const saga = tripSaga([worldStep(world, 'hotel')]);
    const other = tripSaga([worldStep(world, 'car')], { name: 'other' });
    const sagas = rig.runner({ sagas: [saga, other] });
    const data = { traveller: 'ada', booked: [] };
    const start = (which: typeof saga) =>
      rig.store.transaction((tx) => sagas.start(tx, which, { id: 'trip-1', data }));
    expect(await start(saga)).toEqual({ id: 'trip-1', started: true });
    expect(await start(saga)).toEqual({ id: 'trip-1', started: false });
    await expect(start(other)).rejects.toMatchObject({ reason: 'SAGA_ID_TAKEN' });
    await sagas.outcome(saga, 'trip-1');
    expect(world.calls).toEqual(['hotel']);
  });

  test('goes back in reverse when a step is refused, and does not take back what was refused', async () => {
    const names = ['hotel', 'car', 'train'];
    const saga = tripSaga([
      noteStep('opened'),
      ...names.map((name) => worldStep(world, name)),
      noteStep('never'),
    ]);
    world.faults.set('train', [full()]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    expect(await sagas.outcome(saga, id)).toMatchObject({
      status: 'compensated',
      failure: { step: 'train', reason: 'NO_SEAT', message: 'the train is full' },
    });
    expect(world.trail).toEqual(['hotel', 'car', 'undo car', 'undo hotel']);
    expect(await rig.notes(id)).toEqual(['opened', 'undo opened', 'compensated: NO_SEAT']);
    const view = await sagas.desk.show(id);
    expect(view?.history.map(({ step, kind, outcome }) => [step, kind, outcome])).toEqual([
      ['opened', 'action', 'done'],
      ['hotel', 'action', 'done'],
      ['car', 'action', 'done'],
      ['train', 'action', 'refused'],
      ['car', 'compensation', 'done'],
      ['hotel', 'compensation', 'done'],
      ['opened', 'compensation', 'done'],
    ]);
  });

  test('waits out an outage of hours without giving up', async () => {
    const saga = tripSaga([worldStep(world, 'hotel'), worldStep(world, 'train')]);
    world.faults.set(
      'train',
      Array.from({ length: 40 }, () => away),
    );
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    expect(await sagas.outcome(saga, id, { whenPostponed: 'answer' })).toMatchObject({
      status: 'postponed',
      error: expect.stringContaining('nobody answers'),
    });
    await rig.passes(() => ended(sagas, id));
    expect(world.trail).toEqual(['hotel', 'train']);
  });

  test('takes back a step of which nobody knows whether it happened', async () => {
    const saga = tripSaga([
      worldStep(world, 'hotel'),
      worldStep(world, 'train', { retry: { attempts: 2 } }),
    ]);
    world.faults.set('train', [away, away]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    await rig.passes(() => ended(sagas, id));
    expect(world.calls).toEqual(['hotel', 'train', 'train', 'undo train', 'undo hotel']);
    expect(world.trail).toEqual(['hotel', 'undo hotel']);
  });

  test('tries an unexpected error five times and then goes back', async () => {
    const saga = tripSaga([worldStep(world, 'hotel')]);
    world.faults.set('hotel', Array.from({ length: 5 }, bug));
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    expect(await rig.passes(() => ended(sagas, id))).toMatchObject({ status: 'compensated' });
    expect(world.calls).toEqual([...Array.from({ length: 5 }, () => 'hotel'), 'undo hotel']);
  });

  test('gives a step its time, and no more', async () => {
    let signalled = false;
    const slow = callStep<SagaRigTables, Trip>('train', {
      timeoutMs: 2_000,
      retry: { attempts: 1 },
      action: (_, { signal }) => {
        signal.addEventListener('abort', () => {
          signalled = true;
        });
        return new Promise(() => undefined);
      },
    });
    const saga = tripSaga([worldStep(world, 'hotel'), slow]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    const view = await rig.passes(() => ended(sagas, id));
    expect(view).toMatchObject({ status: 'compensated', failure: { reason: 'STEP_TIMEOUT' } });
    expect(signalled).toBe(true);
    expect(world.trail).toEqual(['hotel', 'undo hotel']);
  });

  test('goes back when its own time is over, and not after its pivot', async () => {
    const late = tripSaga([worldStep(world, 'hotel'), worldStep(world, 'train')], {
      timeoutMs: 5_000,
    });
    const paid = tripSaga([worldStep(world, 'pay', { pivot: true }), oneWayStep(world, 'print')], {
      name: 'paid',
      timeoutMs: 5_000,
    });
    world.faults.set(
      'train',
      Array.from({ length: 99 }, () => away),
    );
    world.faults.set(
      'print',
      Array.from({ length: 20 }, () => away),
    );
    const sagas = rig.runner({ sagas: [late, paid] });
    await rig.start(sagas, late, 'late');
    await rig.start(sagas, paid, 'paid');
    expect(await rig.passes(() => ended(sagas, 'late'))).toMatchObject({
      status: 'compensated',
      failure: { reason: 'SAGA_TIMEOUT', step: 'train' },
    });
    expect(await rig.passes(() => ended(sagas, 'paid'))).toMatchObject({ status: 'done' });
  });

  test('waits for a pivot that cannot be taken back rather than guess', async () => {
    const pay = oneWayStep(world, 'pay', { pivot: true });
    const saga = tripSaga([worldStep(world, 'hotel'), pay], { timeoutMs: 1_000 });
    world.faults.set(
      'pay',
      Array.from({ length: 30 }, () => away),
    );
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    expect(await rig.passes(() => ended(sagas, id))).toMatchObject({ status: 'done' });
    expect(world.trail).toEqual(['hotel', 'pay']);
  });

  test('keeps what was answered when the local step after it fails', async () => {
    let tries = 0;
    const fragile = localStep<SagaRigTables, Trip>('ticket', {
      async action(tx, data, { sagaId }) {
        await tx.insertInto('notes').values({ saga_id: sagaId, text: 'half' }).execute();
        if (++tries < 3) throw bug();
        return data;
      },
    });
    const saga = tripSaga([worldStep(world, 'hotel'), fragile]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    await rig.passes(() => ended(sagas, id));
    expect(world.calls).toEqual(['hotel']);
    expect(await rig.notes(id)).toEqual(['half', 'done']);
  });

  test('runs its compensations until they succeed; one that never does needs a person', async () => {
    const saga = tripSaga([worldStep(world, 'hotel'), worldStep(world, 'train')]);
    world.faults.set('train', [full()]);
    world.faults.set('undo hotel', [...Array.from({ length: 9 }, () => away), ...many(5, bug)]);
    const sagas = rig.runner({ sagas: [saga] });
    const id = await rig.start(sagas, saga);
    const stuck = await rig.passes(() => ended(sagas, id));
    expect(stuck).toMatchObject({ status: 'stuck', step: 'hotel' });
    await sagas.desk.steer(id, 'retry');
    expect(await sagas.outcome(saga, id)).toMatchObject({ status: 'compensated' });
    expect(world.trail).toEqual(['hotel', 'undo hotel']);
  });
});

test.each([
  ['no steps', () => tripSaga([])],
  ['a name twice', () => tripSaga([noteStep('a'), noteStep('a')])],
  [
    'a compensation after the pivot',
    () => tripSaga([worldStep(createWorld(), 'a', { pivot: true }), worldStep(createWorld(), 'b')]),
  ],
])('a saga with %s is refused', (_, define) => {
  expect(define).toThrow(expect.objectContaining({ reason: 'INVALID_SAGA' }));
});
