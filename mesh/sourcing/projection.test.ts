import { beforeEach, expect, test } from '@jest/globals';
import { Money } from '../../gen/shop/money/v1/money.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Store } from '../store/store.ts';
import { onEachDatabase } from '../testing/databases.ts';
import { eventually } from '../testing/eventually.ts';
import {
  account,
  money,
  ordered,
  type SourcingRigTables,
  sourcingRigMigrations,
} from '../testing/sourcing-rig.ts';
import type { NewEvent } from './event.ts';
import { type Projection, projects } from './projection.ts';
import { createSourcing, type Sourcing } from './sourcing.ts';

onEachDatabase<SourcingRigTables>(sourcingRigMigrations, (database) => {
  let store: Store<SourcingRigTables>;
  let sourcing: Sourcing<SourcingRigTables>;
  beforeEach(async () => {
    store = await database.open();
    sourcing = createSourcing({ store, pollMs: 20 });
  });

  const put = (id: string, expected: number, ...events: NewEvent[]): Promise<number> =>
    store.transaction((tx) => sourcing.append(tx, account(), id, { expected, events }));

  let running: Sourcing<SourcingRigTables>[];
  beforeEach(() => {
    running = [];
  });

  const totals = (by = sourcing, more = {}): Projection => {
    running.push(by);
    return by.project({
      name: 'totals',
      projectors: [
        projects(Money, async (tx, { currencyCode, minorUnits }, { position, stream }) => {
          await tx.insertInto('seen').values({ position, stream }).execute();
          const minor = Number(minorUnits);
          await tx
            .insertInto('totals')
            .values({ currency: currencyCode, minor })
            .onConflict((on) =>
              on
                .column('currency')
                .doUpdateSet((row) => ({ minor: row('totals.minor', '+', minor) })),
            )
            .execute();
        }),
      ],
      async reset(tx) {
        await tx.deleteFrom('totals').execute();
        await tx.deleteFrom('seen').execute();
      },
      page: 3,
      ...more,
    });
  };
  const total = async (): Promise<number> =>
    (await store.db.selectFrom('totals').select('minor').executeTakeFirst())?.minor ?? 0;
  const stopAll = () => Promise.all(running.map((each) => each.close()));

  test('a projection follows what happens, passes over what it does not want, and goes on where it was', async () => {
    await put('ada', 0, money(1), ordered('o1'), money(2), money(3), money(4));
    const first = totals();
    await eventually(async () => (await total()) === 10);
    await put('bob', 0, money(5));
    await eventually(async () => (await total()) === 15);
    await eventually(() => first.state === 'live');
    expect(first.state).toBe('live');
    await stopAll();
    await put('bob', 1, money(6));
    totals(createSourcing({ store, pollMs: 20 }));
    await eventually(async () => (await total()) === 21);
    expect(await store.db.selectFrom('seen').select('position').execute()).toHaveLength(6);
    await stopAll();
  });

  test('a projection is dropped and replayed while events come, and comes to the same', async () => {
    await put('ada', 0, ...Array.from({ length: 20 }, () => money(1)));
    const by = createSourcing({ store, pollMs: 20 });
    const projection = totals(by);
    expect(by.projections).toEqual([projection]);
    await eventually(async () => (await total()) === 20);
    const appending = (async () => {
      for (let i = 0; i < 15; i++) await put('bob', i, money(1));
    })();
    await projection.rebuild();
    await appending;
    await eventually(async () => (await total()) === 35);
    const seen = await store.db.selectFrom('seen').select('position').execute();
    expect(new Set(seen.map(({ position }) => position)).size).toBe(35);
    expect(seen).toHaveLength(35);
    await stopAll();
  });

  test('a projection is made anew by a newer version; an older one leaves it alone', async () => {
    await put('ada', 0, money(1), money(2));
    totals();
    await eventually(async () => (await total()) === 3);
    await store.db.updateTable('totals').set({ minor: 99 }).execute();
    totals(createSourcing({ store, pollMs: 20 }), { version: 2 });
    await eventually(async () => (await total()) === 3);
    await put('ada', 2, money(4));
    await eventually(async () => (await total()) === 7);
    await eventually(
      async () => (await store.db.selectFrom('seen').select('position').execute()).length === 3,
    );
    await stopAll();
  });

  test('a projection of several processes has each event once', async () => {
    for (let i = 0; i < 3; i++) totals(createSourcing({ store: await database.open(), pollMs: 5 }));
    await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (id) => {
        for (let i = 0; i < 10; i++) await put(id, i, money(1));
      }),
    );
    await eventually(async () => (await total()) === 40);
    await stopAll();
    expect(await total()).toBe(40);
  });

  test('a projection that fails keeps what was before, and goes on when it is mended', async () => {
    let broken = true;
    const projection = sourcing.project({
      name: 'fragile',
      projectors: [
        projects(Money, async (tx, { minorUnits }, { position, stream }) => {
          await tx.insertInto('seen').values({ position, stream }).execute();
          if (minorUnits === 3n && broken) throw new Error('not this one');
        }),
      ],
      reset: async () => undefined,
    });
    running.push(sourcing);
    await put('ada', 0, money(1), money(2), money(3), money(4));
    const seen = async () =>
      (await store.db.selectFrom('seen').select('position').execute()).length;
    await eventually(async () => projection.state === 'failing' && (await seen()) === 2);
    broken = false;
    await eventually(async () => (await seen()) === 4);
    await stopAll();
  });

  test('a projection loses nothing of a transaction that commits after one that began later', async () => {
    totals();
    await put('first', 0, money(1));
    await eventually(async () => (await total()) === 1);
    const gate = Promise.withResolvers<undefined>();
    const appended = Promise.withResolvers<undefined>();
    const slow = store.transaction(async (tx) => {
      await sourcing.append(tx, account(), 'slow', { expected: 0, events: [money(10)] });
      appended.resolve(undefined);
      await gate.promise;
    });
    await appended.promise;
    // SQLite lets nobody write beside another: there the second one waits.
    const fast = put('fast', 0, money(100));
    if (store.dialect === 'postgres') await fast;
    await systemClock.sleep(100);
    gate.resolve(undefined);
    await Promise.all([slow, fast]);
    await eventually(async () => (await total()) === 111);
    const seen = await store.db.selectFrom('seen').select('stream').orderBy('position').execute();
    expect(seen.map(({ stream }) => stream)).toEqual([
      'account/first',
      'account/slow',
      'account/fast',
    ]);
    await stopAll();
  });
});
