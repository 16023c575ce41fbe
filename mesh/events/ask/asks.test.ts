import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openStore, type Store } from '../../store/store.ts';
import { createFakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres.ts';
import { eventMigrations } from '../migrations.ts';
import type { EventTables } from '../tables.ts';
import { type Ask, type Asks, createAsks, type StoredAnswer } from './asks.ts';

let folder: string;
let postgres: PostgresServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-asks-'));
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres.close();
  await rm(folder, { recursive: true, force: true });
});

const ask: Ask = {
  ...{ id: 'a', correlationId: 'c', requestType: 't.Ask', replyType: 't.Reply' },
  ...{ request: new Uint8Array([1]), wanted: 5, awaited: false },
  headers: { baggage: 'tenant=blue' },
};
const answer = (id: string): StoredAnswer => ({
  ...{ id, source: 'kitchen', refused: false, body: new Uint8Array([2]) },
});

// Two stores on one database stand for two instances.
describe.each(['sqlite', 'postgres'] as const)('%s', (dialect) => {
  let clock: FakeClock;
  let one: Store<EventTables>;
  let other: Store<EventTables>;
  let asks: Asks<EventTables>;
  let theirs: Asks<EventTables>;
  beforeEach(async () => {
    clock = createFakeClock();
    const url = dialect === 'sqlite' ? `sqlite:${join(folder, 'asks.db')}` : postgres.url;
    one = await openStore<EventTables>({ url, migrations: eventMigrations });
    other = await openStore<EventTables>({ url, migrations: eventMigrations });
    asks = createAsks(one, clock);
    theirs = createAsks(other, clock);
    await one.db.deleteFrom('weft_ask').execute();
    await one.db.deleteFrom('weft_answer').execute();
    await one.transaction((tx) => asks.open(tx, { ...ask, expiresMs: clock.now() + 1_000 }));
  });
  afterEach(() => Promise.all([one.close(), other.close()]));

  test('answers that come at the same moment have places of their own', async () => {
    const found = await Promise.all([
      one.transaction((tx) => asks.answer(tx, 'a', answer('m1'))),
      other.transaction((tx) => theirs.answer(tx, 'a', answer('m2'))),
      one.transaction((tx) => asks.answer(tx, 'a', answer('m3'))),
    ]);
    expect(found).toEqual([ask, ask, ask]);
    const ids = (await asks.answers(one.db, 'a')).map(({ id }) => id);
    expect([...ids].sort()).toEqual(['m1', 'm2', 'm3']);
  });

  test('a question is closed once, whoever does it; then it takes no answer', async () => {
    const closed = await Promise.all([
      one.transaction((tx) => asks.close(tx, 'a')),
      other.transaction((tx) => theirs.close(tx, 'a')),
    ]);
    expect(closed.filter((it) => it !== undefined)).toEqual([ask]);
    expect(await one.transaction((tx) => asks.answer(tx, 'a', answer('m1')))).toBeUndefined();
    expect(await asks.over(['a', 'b'])).toEqual(['a']);
  });

  test('a question is late once its time is over, unless it was postponed or closed', async () => {
    expect(await asks.late(10)).toEqual([]);
    clock.advance(1_000);
    expect(await asks.late(10)).toEqual([ask]);
    await asks.postpone('a', clock.now() + 1);
    expect(await asks.late(10)).toEqual([]);
    clock.advance(1);
    await one.transaction((tx) => asks.close(tx, 'a'));
    expect(await asks.late(10)).toEqual([]);
  });

  test('what is over for a day is forgotten with its answers', async () => {
    await one.transaction((tx) => asks.answer(tx, 'a', answer('m1')));
    await one.transaction((tx) => asks.close(tx, 'a'));
    expect(await asks.forget()).toBe(false);
    expect(await asks.over(['a'])).toEqual(['a']);
    clock.advance(24 * 3600 * 1000 + 1);
    await asks.forget();
    expect(await asks.over(['a'])).toEqual([]);
    expect(await asks.answers(one.db, 'a')).toEqual([]);
  });
});
