import { beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { Store } from '../../store/store.ts';
import { onEachDatabase } from '../../testing/databases.ts';
import { createInbox } from '../consume/inbox.ts';
import { never, park, parkBehind } from '../consume/parked.ts';
import { toHeaders } from '../envelope.ts';
import { eventMigrations } from '../migrations.ts';
import { type EventTables, eventTables } from '../tables.ts';
import { writeDeadLetter } from './dead-letter.ts';
import { createDeadLetters, type DeadLetters, type LetterFilter } from './dead-letters.ts';
import type { DeadLetter } from './letter.ts';
import { createStoppedKeys } from './stopped-keys.ts';

const noop = (): void => undefined;
const trace = { traceId: 'ab'.repeat(16), spanId: '12'.repeat(8), sampled: true };

onEachDatabase<EventTables>(eventMigrations, (database) => {
  let store: Store<EventTables>;
  let letters: DeadLetters;
  let clock = 999;
  beforeEach(async () => {
    store = await database.open();
    letters = createDeadLetters({ store, clock: systemClock });
    clock = 999;
  });

  /** The event `eventId` dies at its consumer, as it does in the stack; resolves with the letter's id. */
  async function die(
    eventId: string,
    over: { consumer?: string; type?: string; key?: string; atMs?: number } = {},
  ): Promise<string> {
    const { consumer = 'warehouse', type = 'shop.v1.Placed', key = 'k', atMs = ++clock } = over;
    const envelope = { id: eventId, type, key, source: 'orders', timeMs: 500, trace };
    const delivery = {
      ...{ subject: 'shop.Placed', headers: toHeaders(envelope), data: new Uint8Array([7]) },
      ...{ sequence: 3, deliveries: 1, ack: noop, nak: noop, working: noop },
    };
    const failure = { atMs, status: 'UNKNOWN', reason: '', message: 'no', delivery: 1 };
    const inbox = createInbox(store, consumer, systemClock);
    await inbox.failed(
      { id: eventId, parked: false },
      { failure, limit: 1 },
      {
        again: async () => undefined,
        giveUp: (tx, history) =>
          writeDeadLetter(tx, { consumer, eventId, delivery, history, atMs }, systemRandom),
      },
    );
    const [letter] = await letters.list({ consumer }, { limit: 1 });
    return letter?.id ?? '';
  }

  const e1 = { id: 'e1', parked: false };
  const ids = (found: readonly DeadLetter[]): string[] => found.map(({ id }) => id);

  test('a letter tells all that is known of the event', async () => {
    const id = await die('e1');
    expect(await letters.get([id, 'unknown'])).toEqual([
      {
        ...{ id, consumer: 'warehouse', eventId: 'e1', state: 'dead', channel: 'shop' },
        ...{ subject: 'shop.Placed', sequence: 3, type: 'shop.v1.Placed', key: 'k' },
        ...{ source: 'orders', publishedMs: 500, traceId: trace.traceId },
        headers: expect.objectContaining({ 'ce-id': 'e1' }),
        payload: expect.anything(),
        ...{ firstFailedMs: 1_000, diedMs: 1_000, failures: 1, replays: 0 },
        lastFailures: [{ atMs: 1_000, status: 'UNKNOWN', reason: '', message: 'no', delivery: 1 }],
        replayedMs: undefined,
      },
    ]);
  });

  test('letters are listed newest first, in pages', async () => {
    const [a, b, c] = [
      await die('a', { atMs: 1_000 }),
      await die('b', { atMs: 2_000 }),
      await die('c', { atMs: 3_000 }),
    ];
    expect(ids(await letters.list({}, { limit: 2 }))).toEqual([c, b]);
    expect(ids(await letters.list({}, { limit: 2, before: b }))).toEqual([a]);
  });

  test('letters are found by consumer, type, key and time', async () => {
    const a = await die('a', { consumer: 'warehouse', type: 'shop.v1.A_B', key: "o'1" });
    const b = await die('b', { consumer: 'mail', type: 'shop.v1.AxB', key: '%', atMs: 2_000 });
    const find = async (filter: LetterFilter): Promise<string[]> =>
      ids(await letters.list(filter, { limit: 9 }));
    expect(await find({ consumer: 'mail' })).toEqual([b]);
    expect(await find({ type: 'shop.v1.A_B' })).toEqual([a]);
    expect(await find({ type: 'A_B' })).toEqual([a]);
    expect(await find({ type: 'AxB' })).toEqual([b]);
    expect(await find({ type: 'B' })).toEqual([]);
    expect(await find({ type: 'much.longer.than.any.shop.v1.AxB' })).toEqual([]);
    expect(await find({ key: "o'1" })).toEqual([a]);
    expect(await find({ key: '%' })).toEqual([b]);
    expect(await find({ sinceMs: 1_001 })).toEqual([b]);
    expect(await find({ sinceMs: 1_001, consumer: 'warehouse' })).toEqual([]);
    expect(await letters.waiting()).toEqual(
      new Map([
        ['mail', 1],
        ['warehouse', 1],
      ]),
    );
  });

  test('a replay gives the event back once, whoever asks for it at the same moment', async () => {
    const id = await die('e1');
    const other = await database.open();
    const elsewhere = createDeadLetters({ store: other, clock: systemClock });
    const asked = await Promise.all(
      [letters, elsewhere, letters, elsewhere].map((each) => each.replay({ ids: [id] })),
    );
    expect(asked.flatMap((done) => done.ids)).toEqual([id]);
    const [letter] = await letters.get([id]);
    expect(letter).toMatchObject({ state: 'replayed', replays: 1 });
    // It waits for nobody any more, and the inbox would take it.
    expect(await letters.list({}, { limit: 9 })).toEqual([]);
    expect(ids(await letters.list({}, { limit: 9, replayed: true }))).toEqual([id]);
    const inbox = createInbox(store, 'warehouse', systemClock);
    const { signal } = new AbortController();
    expect(await inbox.once(e1, async () => undefined, signal)).toBe('done');
    expect((await letters.get([id]))[0]?.state).toBe('handled');
  });

  test('the same event stays dead for another consumer', async () => {
    const [mine] = [await die('e1'), await die('e1', { consumer: 'mail' })];
    await letters.replay({ ids: [mine] });
    const rows = await eventTables(store.db).selectFrom('weft_inbox').selectAll().execute();
    expect(rows).toMatchObject([{ consumer: 'mail', event_id: 'e1', outcome: 'dead' }]);
  });

  test('a filter replays or drops what waits, and nothing else', async () => {
    const [a, b] = [await die('a'), await die('b')];
    const c = await die('c', { consumer: 'mail' });
    await letters.replay({ ids: [a] });
    const filter = { consumer: 'warehouse' };
    expect(await letters.replay({ filter })).toEqual({ ids: [b], more: false });
    expect(await letters.replay({ filter })).toEqual({ ids: [], more: false });
    // Replayed letters are left alone by a filter; who names one means it.
    expect(await letters.drop({ filter: {} })).toEqual({ ids: [c], more: false });
    expect((await letters.drop({ ids: [b, a, 'unknown'] })).ids).toEqual([a, b].sort());
    expect(await letters.drop({ ids: [] })).toEqual({ ids: [], more: false });
    expect(await letters.list({}, { limit: 9, replayed: true })).toEqual([]);
  });

  test('what is dropped never comes again', async () => {
    const id = await die('e1');
    await letters.drop({ ids: [id] });
    const inbox = createInbox(store, 'warehouse', systemClock);
    const { signal } = new AbortController();
    expect(await inbox.once(e1, async () => undefined, signal)).toBe('duplicate');
  });

  test('a stopped key is released once, whoever asks for it at the same moment', async () => {
    const letterId = await die('e1', { key: 'Ä b' });
    const headers = toHeaders({ id: 'e1', type: 'A', source: 'o', timeMs: 1, key: 'Ä b' });
    const message = { subject: 'shop.A', headers, data: new Uint8Array(), sequence: 3 };
    const parked = { consumer: 'warehouse', key: 'Ä b', message: { ...message, deliveries: 9 } };
    await store.transaction(async (tx) => {
      await park(tx, { ...parked, eventId: 'e1', notBeforeMs: never });
      await parkBehind(tx, { ...parked, eventId: 'e2' });
      await parkBehind(tx, { ...parked, key: 'c', eventId: 'e3' });
    });
    const other = await database.open();
    const each = [store, other].map((of) => createStoppedKeys({ store: of, clock: systemClock }));
    const [found] = await (each[0]?.list({ key: 'Ä b' }) ?? []);
    expect(found).toMatchObject({ eventId: 'e1', key: 'Ä b', type: 'A', waits: 1, letterId });
    expect((await letters.get([letterId]))[0]?.keyWaits).toBe(1);
    const eventIds = ['e1', 'e2'];
    const asked = await Promise.all(
      [...each, ...each].map((keys) => keys.release({ eventIds, how: 'handle' })),
    );
    expect(asked.flat()).toEqual(['e1']);
    const rows = eventTables(store.db).selectFrom('weft_parked').selectAll();
    const [row] = await rows.orderBy('id').execute();
    expect(row).toMatchObject({ event_id: 'e1', deliveries: 0 });
    expect(await letters.get([letterId])).toMatchObject([{ state: 'replayed', replays: 1 }]);
    expect(await each[1]?.list({})).toEqual([]);
  });
});
