import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Money } from '../../gen/shop/money/v1/money.ts';
import { OrderConfirmed, OrderDeclined } from '../../gen/shop/orders/v1/events.ts';
import { createMemoryBus } from '../events/bus/memory.ts';
import { createEvents } from '../events/events.ts';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { weftImage } from '../schema/image.ts';
import type { Store } from '../store/store.ts';
import { onEachDatabase } from '../testing/databases.ts';
import { declined, listen } from '../testing/events-rig.ts';
import { eventually } from '../testing/eventually.ts';
import {
  type Account,
  account,
  folding,
  money,
  ordered,
  type SourcingRigTables,
  sourcingRigMigrations,
} from '../testing/sourcing-rig.ts';
import { defineAggregate } from './aggregate.ts';
import { happened, type NewEvent, upcasts } from './event.ts';
import { given } from './scenario.ts';
import { createSourcing, type Sourcing } from './sourcing.ts';
import { sourcingTables } from './tables.ts';

describe('an aggregate', () => {
  const pay = (amount: number) => (state: Account) => {
    if (state.balance < amount) {
      throw new MeshError('not enough', { status: 'FAILED_PRECONDITION', reason: 'TOO_POOR' });
    }
    return [money(-amount)];
  };

  test('is tested by what was given, what is asked, and what it gives', () => {
    given(account(), money(100)).when(pay(40)).gives(money(-40));
    given(account(), money(100)).when(pay(40)).leaves({ balance: 60, orders: [] });
    given(account(), money(10)).when(pay(40)).refuses('TOO_POOR');
    const wrong = () => given(account(), money(100)).when(pay(40)).gives(money(-39));
    expect(wrong).toThrow(/minorUnits/);
    const accepted = () => given(account(), money(100)).when(pay(40)).refuses('TOO_POOR');
    expect(accepted).toThrow(/expected a refusal/);
  });

  test('refuses a type that it has no applier of, rather than be wrong', () => {
    const foreign = happened(OrderDeclined, declined('1'));
    const fold = () => given(account(), foreign).when(() => []);
    expect(fold).toThrow(expect.objectContaining({ reason: 'UNKNOWN_EVENT' }));
    const twice = () => defineAggregate({ ...account(), events: [...folding, ...folding] });
    expect(twice).toThrow(expect.objectContaining({ reason: 'INVALID_AGGREGATE' }));
  });
});

onEachDatabase<SourcingRigTables>(sourcingRigMigrations, (database) => {
  let store: Store<SourcingRigTables>;
  let sourcing: Sourcing<SourcingRigTables>;
  beforeEach(async () => {
    store = await database.open();
    sourcing = createSourcing({ store, pollMs: 20 });
  });

  const put = (id: string, expected: number, ...events: NewEvent[]): Promise<number> =>
    store.transaction((tx) => sourcing.append(tx, account(), id, { expected, events }));
  const balance = async (id: string, by = account()): Promise<number> =>
    (await sourcing.load(store.db, by, id)).state.balance;

  test('a stream folds to its state, and each append says what it expects', async () => {
    expect(await sourcing.load(store.db, account(), 'ada')).toEqual({
      state: { balance: 0, orders: [] },
      version: 0,
    });
    expect(await put('ada', 0, money(100), money(-30))).toBe(2);
    expect(await put('ada', 2, ordered('o1'))).toBe(3);
    await put('bob', 0, money(7));
    expect(await sourcing.load(store.db, account(), 'ada')).toEqual({
      state: { balance: 70, orders: ['o1'] },
      version: 3,
    });
    const types = (await sourcing.history(account(), 'ada')).map(({ typeName }) => typeName);
    expect(types).toEqual([Money.$type, Money.$type, OrderConfirmed.$type]);
  });

  test.each([
    ['behind it', 0],
    ['beyond it', 5],
  ])('an append that expects a version %s is refused, and leaves nothing', async (_, expected) => {
    await put('ada', 0, money(1), money(2));
    await expect(put('ada', expected, money(3))).rejects.toMatchObject({
      status: 'ABORTED',
      reason: 'VERSION_CONFLICT',
    });
    expect(await balance('ada')).toBe(3);
  });

  test('of appends at the same moment one wins; who decides again loses nothing', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => put('ada', 0, money(1))),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const other = createSourcing({ store: await database.open() });
    const decisions = [sourcing, other, sourcing, other].map((each) =>
      each.decide(account(), 'ada', ({ balance: now }) => [money(now)]),
    );
    await Promise.all(decisions);
    // Each doubled what it saw, and saw what the one before it had written.
    expect(await balance('ada')).toBe(16);
    const { version } = await sourcing.decide(account(), 'ada', () => []);
    expect(version).toBe(5);
  });

  test('a state is the same from any snapshot as from all of its events', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 4 }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.integer({ min: 1, max: 5 }),
        fc.uuid(),
        async (batches, every, id) => {
          let expected = 0;
          for (const batch of batches) {
            const events = batch.map(money);
            expected = await store.transaction((tx) =>
              sourcing.append(tx, account(every), id, { expected, events }),
            );
            const whole = await sourcing.load(store.db, account(), id);
            expect(await sourcing.load(store.db, account(every), id)).toEqual(whole);
            // Another shape of the state: its snapshots are not those.
            expect(await sourcing.load(store.db, account(every, 2), id)).toEqual(whole);
          }
        },
      ),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test('a snapshot is taken when it is due, and one that cannot be read is passed over', async () => {
    const often = account(2);
    const append = (expected: number, ...events: NewEvent[]) =>
      store.transaction((tx) => sourcing.append(tx, often, 'ada', { expected, events }));
    await append(0, money(1));
    const snapshots = () =>
      sourcingTables(store.db).selectFrom('weft_snapshot').selectAll().execute();
    expect(await snapshots()).toEqual([]);
    await append(1, money(1), money(1));
    expect(await snapshots()).toMatchObject([{ stream: 'account/ada', version: 3 }]);
    await sourcingTables(store.db).updateTable('weft_snapshot').set({ state: '{"a":' }).execute();
    expect(await balance('ada', often)).toBe(3);
    // What stands in it is believed: it is where folding begins.
    const state = JSON.stringify({ balance: 500, orders: [] });
    await sourcingTables(store.db).updateTable('weft_snapshot').set({ state }).execute();
    expect(await balance('ada', often)).toBe(500);
  });

  test('an old type is read as what took its place', async () => {
    await put('ada', 0, money(5));
    const refund = happened(OrderDeclined, declined('o1'));
    await store.transaction((tx) =>
      sourcing.append(tx, account(), 'ada', { expected: 1, events: [refund] }),
    );
    const now = createSourcing({
      store,
      upcasts: [upcasts(OrderDeclined, ({ orderId }) => [money(-5), ordered(orderId)])],
    });
    expect((await now.load(store.db, account(), 'ada')).state).toEqual({
      balance: 0,
      orders: ['o1'],
    });
  });

  test('events of the schema are published with the append, and only if it commits', async () => {
    const bus = createMemoryBus({ clock: systemClock });
    const seen = listen(bus, 'shop-orders', 'shop-orders.OrderConfirmed');
    const image = weftImage();
    const events = createEvents<SourcingRigTables>({ image, store, bus, source: 'bank' });
    events.start();
    const publishing = createSourcing({ store, events, image });
    const append = (expected: number, ...some: NewEvent[]) =>
      store.transaction((tx) =>
        publishing.append(tx, account(), 'ada', { expected, events: some }),
      );
    await append(0, money(1), ordered('o1'));
    await expect(append(0, ordered('o2'))).rejects.toMatchObject({ reason: 'VERSION_CONFLICT' });
    await append(2, ordered('o3'));
    await eventually(() => seen.length === 2);
    const ids = (await publishing.history(account(), 'ada')).map(({ meta }) => meta.eventId);
    expect(ids).toEqual([undefined, ...seen.map(({ headers }) => headers['ce-id'])]);
    await events.close();
  });
});
