import { expect, test } from '@jest/globals';
import { onEachDatabase } from '../testing/databases.ts';
import {
  createSagaRig,
  createWorld,
  type SagaRig,
  type SagaRigTables,
  sagaRigMigrations,
  tripSaga,
  type World,
  worldStep,
} from '../testing/saga-rig.ts';
import type { SagaView } from './desk.ts';
import type { Sagas } from './sagas.ts';
import { sagaTables } from './tables.ts';

// In virtual time: longer than any of these tests lasts.
const patience = 3_600_000;

onEachDatabase<SagaRigTables>(sagaRigMigrations, (database) => {
  let rig: SagaRig;
  let world: World;

  /** A test with a rig of its own, after which nothing is held and nobody stands in a line. */
  const sentence = (name: string, body: () => Promise<void>): void => {
    test(name, async () => {
      rig = await createSagaRig(await database.open());
      world = createWorld();
      await body();
      await rig.close();
      const db = sagaTables(rig.store.db);
      const held = await db.selectFrom('weft_saga_lock').select('target').execute();
      const line = await db.selectFrom('weft_saga_stash').select('target').execute();
      expect([...held, ...line]).toEqual([]);
    });
  };
  const over = async (sagas: Sagas<SagaRigTables>, ...ids: string[]): Promise<SagaView[]> => {
    const views = await Promise.all(ids.map((id) => sagas.desk.show(id)));
    return views.map((view) => {
      if (view?.status === 'done' || view?.status === 'compensated') return view;
      throw new Error(`it is ${String(view?.status)}`);
    });
  };
  const atStep = (sagas: Sagas<SagaRigTables>, id: string, waitsFor: string) =>
    rig.passes(async () => (await sagas.desk.show(id))?.waitsFor === waitsFor);

  /** Steps that hold what they lock until `open` says so. */
  const gated = (name: string, targets: readonly string[], gate: Promise<unknown>) =>
    worldStep(world, name, { lock: () => targets, lockTimeoutMs: patience }, async (when) => {
      if (when === 'before') await gate;
    });

  sentence(
    'who wants what another saga holds waits in line, and the line keeps its order',
    async () => {
      const gate = Promise.withResolvers<undefined>();
      const saga = tripSaga([
        gated('book', ['account/ada'], gate.promise),
        worldStep(world, 'pay'),
      ]);
      const sagas = rig.runner({ sagas: [saga] });
      for (const id of ['1', '2', '3']) {
        await rig.start(sagas, saga, id);
        await rig.passes(
          async () =>
            (await sagas.desk.show(id))?.history.length === 1 ||
            (await sagas.desk.show(id))?.waitsFor !== '',
        );
      }
      expect(await sagas.desk.show('2')).toMatchObject({ waitsFor: 'lock:account/ada' });
      expect(await rig.store.transaction((tx) => sagas.holderOf(tx, 'account/ada'))).toBe('1');
      expect(world.calls).toEqual([]);
      gate.resolve(undefined);
      await rig.passes(() => over(sagas, '1', '2', '3'));
      expect(world.trail).toEqual(['book', 'pay', 'book', 'pay', 'book', 'pay']);
      const views = await Promise.all(['1', '2', '3'].map((id) => sagas.desk.show(id)));
      const ends = views.map((view) => view?.updatedMs ?? 0);
      expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    },
  );

  sentence('who waits too long goes back, and leaves the line', async () => {
    const gate = Promise.withResolvers<undefined>();
    const saga = tripSaga([
      worldStep(world, 'open'),
      worldStep(
        world,
        'book',
        { lock: () => 'account/ada', lockTimeoutMs: 2_000, timeoutMs: 100_000 },
        async (when) => {
          if (when === 'before') await gate.promise;
        },
      ),
    ]);
    const sagas = rig.runner({ sagas: [saga] });
    await rig.start(sagas, saga, 'first');
    await rig.passes(async () => (await sagas.desk.show('first'))?.step === 'book');
    await rig.start(sagas, saga, 'second');
    const [second] = await rig.passes(() => over(sagas, 'second'));
    expect(second).toMatchObject({ failure: { reason: 'SAGA_LOCK_TIMEOUT', step: 'book' } });
    gate.resolve(undefined);
    await rig.passes(() => over(sagas, 'first'));
    expect(world.trail).toEqual(['open', 'open', 'undo open', 'book']);
  });

  sentence('of two that wait for each other one goes back, and the other goes on', async () => {
    const gate = Promise.withResolvers<undefined>();
    const crosswise = (first: string, second: string) => [
      gated(`take-${first}`, [first], Promise.resolve()),
      worldStep(world, 'think', {}, async (when) => {
        if (when === 'before') await gate.promise;
      }),
      gated(`then-${second}`, [second], Promise.resolve()),
    ];
    const one = tripSaga(crosswise('a', 'b'), { name: 'one' });
    const other = tripSaga(crosswise('b', 'a'), { name: 'other' });
    const sagas = rig.runner({ sagas: [one, other] });
    await rig.start(sagas, one, 'one');
    await rig.start(sagas, other, 'other');
    await rig.passes(async () => (await sagas.desk.show('one'))?.step === 'think');
    await rig.passes(async () => (await sagas.desk.show('other'))?.step === 'think');
    gate.resolve(undefined);
    const views = await rig.passes(() => over(sagas, 'one', 'other'));
    const statuses = views.map((view) => view.status).sort();
    expect(statuses).toEqual(['compensated', 'done']);
  });

  sentence('sagas that want several of the same targets never hold one each', async () => {
    const saga = (name: string, targets: readonly string[]) =>
      tripSaga([gated(name, targets, Promise.resolve())], { name });
    const all = [saga('x', ['a', 'b', 'c']), saga('y', ['c', 'b', 'a']), saga('z', ['b', 'a'])];
    const sagas = rig.runner({ sagas: all });
    const ids = await Promise.all(
      Array.from({ length: 12 }, (_, i) => rig.start(sagas, all[i % 3] ?? saga('x', []), `s${i}`)),
    );
    const views = await rig.passes(() => over(sagas, ...ids));
    expect(views.map((view) => view.status)).toEqual(ids.map(() => 'done'));
  });

  sentence('a granted lock wakes whoever waits in another process', async () => {
    const gate = Promise.withResolvers<undefined>();
    const saga = tripSaga([gated('book', ['seat/1'], gate.promise)]);
    const here = rig.runner({ sagas: [saga] });
    const there = rig.runner({ sagas: [saga], store: await database.open() });
    await rig.start(here, saga, 'first');
    await rig.passes(async () => (await here.desk.show('first'))?.history.length === 1);
    await rig.start(here, saga, 'second');
    await atStep(there, 'second', 'lock:seat/1');
    gate.resolve(undefined);
    await rig.passes(() => over(there, 'first', 'second'));
    expect(world.trail).toEqual(['book', 'book']);
  });
});
