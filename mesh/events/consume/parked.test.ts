import { beforeEach, expect, test } from '@jest/globals';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import type { Store } from '../../store/store.ts';
import { onEachDatabase } from '../../testing/databases.ts';
import { eventMigrations } from '../migrations.ts';
import type { EventTables } from '../tables.ts';
import { messageOf, type ParkedEvent, park, unpark } from './parked.ts';
import { createParkingLot, type ParkingLot } from './parking-lot.ts';

let nowMs = 1_000_000;
const clock: Clock = { ...systemClock, now: () => nowMs };
const event = (id: string, notBeforeMs: number): ParkedEvent => ({
  ...{ consumer: 'warehouse', eventId: id, key: 'k\u0000 1', notBeforeMs },
  message: {
    ...{ subject: 'shop.Placed', headers: { 'ce-id': id }, data: new Uint8Array([1, 0]) },
    ...{ sequence: 7, deliveries: 2 },
  },
});

onEachDatabase<EventTables>(eventMigrations, (database) => {
  let store: Store<EventTables>;
  let lots: ParkingLot[];
  beforeEach(async () => {
    nowMs = 1_000_000;
    store = await database.open();
    const other = await database.open();
    lots = [store, other].map((each) => createParkingLot(each, 'warehouse', clock));
  });
  const put = (...events: ParkedEvent[]): Promise<void> =>
    store.transaction(async (tx) => {
      for (const each of events) await park(tx, each);
    });
  const take = async (which: 0 | 1, limit = 10): Promise<string[]> => {
    const rows = (await lots[which]?.take(limit, 500)) ?? [];
    return rows.map((row) => row.event_id).sort();
  };

  test('an event comes back when it is due, as it was and one delivery later', async () => {
    await put(event('e1', nowMs + 100));
    expect(await lots[0]?.nextDueMs()).toBe(nowMs + 100);
    expect(await take(0)).toEqual([]);
    nowMs += 100;
    const [row] = (await lots[0]?.take(10, 500)) ?? [];
    expect(row && messageOf(row)).toEqual({ ...event('e1', 0).message, deliveries: 3 });
  });

  test('what one process has in hand the others leave alone, until it is silent for too long', async () => {
    await put(event('e1', 0), event('e2', 0), event('e3', 0));
    const [some, rest] = await Promise.all([take(0, 2), take(1)]);
    expect([...some, ...rest].sort()).toEqual(['e1', 'e2', 'e3']);
    expect(await lots[0]?.nextDueMs()).toBeUndefined();
    nowMs += 501;
    expect(await take(1)).toEqual(['e1', 'e2', 'e3']);
  });

  test('who lets go says when it is due again; parking anew says it too', async () => {
    await put(event('e1', 0), event('e2', 0));
    const rows = (await lots[0]?.take(10, 500)) ?? [];
    const e1 = rows.find((row) => row.event_id === 'e1');
    await lots[0]?.release(e1?.id ?? 0, nowMs + 50);
    await put(event('e2', nowMs + 70));
    expect(await lots[1]?.nextDueMs()).toBe(nowMs + 50);
    nowMs += 70;
    expect(await take(1)).toEqual(['e1', 'e2']);
  });

  test('is counted for its consumer, and gone when it is unparked', async () => {
    await put(event('e1', 0), event('e2', 0), { ...event('e1', 0), consumer: 'other' });
    expect(await lots[0]?.depth()).toBe(2);
    await store.transaction((tx) => unpark(tx, { consumer: 'warehouse', eventId: 'e1' }));
    expect(await take(0)).toEqual(['e2']);
  });
});
