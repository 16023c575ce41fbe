import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DishReady, Menu } from '../../../gen/bistro/kitchen/v1/messages.ts';
import { weftImage } from '../../schema/image.ts';
import { openStore, type Store } from '../../store/store.ts';
import { eventMigrations } from '../migrations.ts';
import type { EventTables } from '../tables.ts';
import type { Incoming } from './consume.ts';
import { createLatest } from './documents.ts';

let store: Store<EventTables>;
beforeEach(async () => {
  store = await openStore<EventTables>({ url: 'sqlite::memory:', migrations: eventMigrations });
});
afterEach(() => store.close());

const document = (sequence: number, timeMs: number, more = {}): Incoming => {
  const settling = { ack: () => undefined, nak: () => undefined, working: () => undefined };
  const { subject = 'menus.Menu.lunch', type = Menu.$type }: { subject?: string; type?: string } =
    more;
  const delivery = { subject, sequence, headers: {}, data: new Uint8Array(), deliveries: 1 };
  return {
    ...{ id: String(sequence), trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) } },
    ...{ delivery: { ...delivery, ...settling }, body: { bytes: delivery.data } },
    envelope: { id: String(sequence), type, source: 'kitchen', timeMs, key: 'lunch' },
    signal: new AbortController().signal,
    parked: false,
  };
};
const isLatest = (incoming: Incoming, consumer = 'waiter'): Promise<boolean> =>
  store.transaction((tx) => createLatest<EventTables>(consumer, weftImage())(tx, incoming));

test('a document that was published before one that was handled is not handled any more', async () => {
  expect(await isLatest(document(7, 1_000))).toBe(true);
  expect(await isLatest(document(9, 3_000))).toBe(true);
  expect(await isLatest(document(8, 2_000))).toBe(false);
  expect(await isLatest(document(9, 3_000))).toBe(false);
});

test('keys and consumers do not concern each other', async () => {
  expect(await isLatest(document(9, 3_000))).toBe(true);
  expect(await isLatest(document(8, 2_000, { subject: 'menus.Menu.dinner' }))).toBe(true);
  expect(await isLatest(document(8, 2_000), 'guests')).toBe(true);
});

test('a stream that begins anew, and a publisher whose clock is slow, are heard', async () => {
  expect(await isLatest(document(9, 3_000))).toBe(true);
  expect(await isLatest(document(1, 4_000))).toBe(true);
  expect(await isLatest(document(2, 3_900))).toBe(true);
});

test('what is no document is always handled', async () => {
  const type = DishReady.$type;
  expect(await isLatest(document(9, 3_000, { type }))).toBe(true);
  expect(await isLatest(document(8, 2_000, { type }))).toBe(true);
});
