import { beforeEach, expect, test } from '@jest/globals';
import { systemRandom } from '../../kernel/random.ts';
import type { Store } from '../../store/store.ts';
import { onEachDatabase } from '../../testing/databases.ts';
import type { Delivery } from '../bus/bus.ts';
import { eventMigrations } from '../migrations.ts';
import type { EventTables } from '../tables.ts';
import { writeDeadLetter } from './dead-letter.ts';
import { type Failure, readFailures } from './failure.ts';

const noop = (): void => undefined;
const failure = (atMs: number): Failure => ({
  ...{ atMs, status: 'NOT_FOUND', reason: 'NO_SHELF', message: 'no shelf', delivery: 1 },
});
const headers = { 'ce-id': 'e1', 'ce-type': 'a.b.C', 'weft-key': 'k%00\u0000' };
const delivery: Delivery = {
  ...{ subject: 'shop.C', headers, data: new Uint8Array([1, 0]), sequence: 1, deliveries: 1 },
  ...{ ack: noop, nak: noop, working: noop },
};

onEachDatabase<EventTables>(eventMigrations, (database) => {
  let store: Store<EventTables>;
  beforeEach(async () => {
    store = await database.open();
  });

  const give = (atMs: number, message: string): Promise<void> =>
    store.transaction((tx) =>
      writeDeadLetter(
        tx,
        {
          ...{ consumer: 'warehouse', eventId: 'e1', atMs, delivery },
          history: { failures: 5, firstMs: atMs - 10, last: [{ ...failure(atMs), message }] },
        },
        systemRandom,
      ),
    );

  test('a dead letter takes whatever stands in headers and bodies', async () => {
    await give(100, 'no shelf');
    const [row] = await store.db.selectFrom('weft_dead_letter').selectAll().execute();
    expect(row).toMatchObject({
      event_key: 'k',
      channel: 'shop',
      subject: 'shop.C',
      failures: 5,
    });
    expect(JSON.parse(row?.headers ?? '')).toEqual(headers);
    expect([...(row?.payload ?? [])]).toEqual([1, 0]);
  });

  test('a dead letter of an event that dies again is the same one, with what was learnt since', async () => {
    await give(100, 'no shelf');
    const first = await store.db.selectFrom('weft_dead_letter').select('id').execute();
    const replayed = { state: 'replayed', replays: 1, replayed_at: 150 } as const;
    await store.db.updateTable('weft_dead_letter').set(replayed).execute();
    await give(200, 'still none');
    const rows = await store.db.selectFrom('weft_dead_letter').selectAll().execute();
    expect(rows).toMatchObject([
      { ...first[0], state: 'dead', replays: 1, replayed_at: 150, died_at: 200 },
    ]);
    expect(readFailures(rows[0]?.errors ?? '')).toMatchObject([{ message: 'still none' }]);
  });
});
