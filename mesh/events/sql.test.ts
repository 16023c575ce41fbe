import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { type Insertable, type Kysely, sql } from '../store/sql.ts';
import { openStore, type Store } from '../store/store.ts';
import { eventually } from '../testing/eventually.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres.ts';
import type { Outgoing, PublishOutcome } from './bus/bus.ts';
import { type AfterFailure, createInbox } from './consume/inbox.ts';
import { never, park } from './consume/parked.ts';
import { createDeadLetters } from './dead-letters/dead-letters.ts';
import type { Failure, FailureHistory } from './dead-letters/failure.ts';
import { eventMigrations } from './migrations.ts';
import { createLeases, type Lease, type Leases } from './outbox/lease.ts';
import { createOutbox, type Outbox } from './outbox/outbox.ts';
import { forgetOld } from './outbox/retention.ts';
import { type EventTables, eventTables } from './tables.ts';

let folder: string;
let postgres: PostgresServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-events-sql-'));
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres.close();
  await rm(folder, { recursive: true, force: true });
});

const stored: PublishOutcome = { stored: true, sequence: 1, duplicate: false };
const tables = [
  ...(['weft_outbox', 'weft_inbox', 'weft_failure', 'weft_lease', 'weft_dead_letter'] as const),
];
const message = (id: string): Outgoing => ({
  ...{ channel: 'shop-orders', subject: 'shop-orders.Placed', id },
  ...{ headers: { 'ce-id': id }, data: new Uint8Array([1]) },
});

const failure = (atMs: number): Failure => ({
  ...{ atMs, status: 'NOT_FOUND', reason: 'NO_SHELF', message: 'no shelf', delivery: 1 },
});
const e1 = { id: 'e1', parked: false };
/** Keeps what is given up. */
const keeping = (): { letters: FailureHistory[]; after: AfterFailure<EventTables> } => {
  const letters: FailureHistory[] = [];
  const giveUp: AfterFailure<EventTables>['giveUp'] = async (_, history) => {
    letters.push(history);
  };
  return { letters, after: { again: async () => undefined, giveUp } };
};
const letterOf = (died_at: number): Insertable<EventTables['weft_dead_letter']> => ({
  ...{ id: String(died_at), consumer: 'w', event_id: String(died_at), channel: 'c', type: '' },
  ...{ subject: 'c.x', sequence: 1, event_key: '', source: '', published_at: 0, headers: '{}' },
  ...{
    payload: new Uint8Array(),
    state: 'dead',
    failures: 1,
    errors: '[]',
    replayed_at: null,
  },
  ...{ first_failed_at: died_at, died_at },
});

// Two stores on one database stand for two processes.
describe.each(['sqlite', 'postgres'] as const)('%s', (dialect) => {
  let store: Store<EventTables>;
  let other: Store<EventTables>;
  let db: Kysely<EventTables>;
  let outbox: Outbox<EventTables>;
  let written = 0;
  let runs = 0;

  beforeEach(async () => {
    const url =
      dialect === 'sqlite' ? `sqlite:${join(folder, `${String(++runs)}.db`)}` : postgres.url;
    store = await openStore<EventTables>({ url, migrations: eventMigrations });
    other = await openStore<EventTables>({ url, migrations: eventMigrations });
    db = eventTables(store.db);
    for (const table of tables) {
      await db.deleteFrom(table).execute();
    }
    written = 0;
    const ports = { clock: systemClock, random: systemRandom };
    outbox = createOutbox({ store, ...ports, onWritten: () => written++ });
  });
  afterEach(() => Promise.all([store.close(), other.close()]));

  const leasesOf = (of: Store<EventTables>, durationMs = 10_000): Leases =>
    createLeases({ store: of, holder: of === other ? 'other' : 'one', durationMs, log: silentLog });
  const take = async (leases: Leases): Promise<Lease> => {
    const lease = await leases.take('relay');
    if (lease === undefined) throw new Error('the lease is held');
    return lease;
  };
  const renew = (lease: Lease): Promise<void> => store.transaction((tx) => lease.renew(tx));
  const add = (...ids: string[]): Promise<void> =>
    store.transaction(async (tx) => {
      for (const id of ids) await outbox.add(tx, message(id));
    });
  const due = async (): Promise<string[]> => (await outbox.due(100)).map(({ id }) => id);

  describe('a lease', () => {
    test('is held by one', async () => {
      await take(leasesOf(store));
      expect(await leasesOf(other).take('relay')).toBeUndefined();
      expect(await leasesOf(other).take('another')).toBeDefined();
    });

    test('of many who ask at the same moment goes to one', async () => {
      const asked = [store, other, store, other].map((each, i) =>
        createLeases({
          ...{ store: each, holder: String(i), durationMs: 10_000, log: silentLog },
        }).take('relay'),
      );
      const taken = (await Promise.all(asked)).filter((lease) => lease !== undefined);
      expect(taken.length).toBe(1);
    });

    test('goes to another when it is not renewed, and fences the old holder', async () => {
      const old = await take(leasesOf(store, 50));
      const leases = leasesOf(other, 50);
      const lease = await eventually(async () => (await leases.take('relay')) ?? false);
      expect(lease && lease.token).toBe(old.token + 1);
      await expect(renew(old)).rejects.toMatchObject({ status: 'ABORTED', reason: 'LEASE_LOST' });
    });

    test('whose taking was not answered is taken again by the same process', async () => {
      const unanswered = await take(leasesOf(store));
      const lease = await take(leasesOf(store));
      expect(lease.token).toBe(unanswered.token + 1);
    });

    test('lasts as long as it is renewed', async () => {
      const lease = await take(leasesOf(store, 150));
      for (let i = 0; i < 6; i++) {
        await systemClock.sleep(50);
        await renew(lease);
        expect(await leasesOf(other, 150).take('relay')).toBeUndefined();
      }
    });

    test('that is released goes to the next at once', async () => {
      const lease = await take(leasesOf(store));
      await lease.release();
      await take(leasesOf(other));
      // Late, and by somebody who no longer holds it.
      await lease.release();
      expect(await leasesOf(store).take('relay')).toBeUndefined();
    });

    test('written before the clock was set back an hour does not last an hour', async () => {
      await take(leasesOf(store));
      await sql`update weft_lease set expires_at = expires_at + 3600000`.execute(store.db);
      await take(leasesOf(other));
    });
  });

  describe('the outbox', () => {
    test('holds what was written, in order, until it is marked as sent', async () => {
      await add('a', 'b', 'c');
      const lease = await take(leasesOf(store));
      const messages = await outbox.due(2);
      expect(messages).toMatchObject([{ ...message('a'), data: expect.anything() }, { id: 'b' }]);
      expect([...(messages[0]?.data ?? [])]).toEqual([1]);
      await outbox.settle(lease, messages, [stored, stored]);
      expect(await due()).toEqual(['c']);
      expect(written).toBe(3);
    });

    test('a holder whose lease is lost marks nothing', async () => {
      await add('a');
      const lease = await take(leasesOf(store, 10));
      const messages = await outbox.due(10);
      await eventually(async () => (await leasesOf(other, 10).take('relay')) !== undefined);
      const settling = outbox.settle(lease, messages, [stored]);
      await expect(settling).rejects.toMatchObject({ reason: 'LEASE_LOST' });
      expect(await due()).toEqual(['a']);
    });

    test('what is open stays due; what was refused waits, with the reason', async () => {
      await add('open', 'refused', 'sent');
      const lease = await take(leasesOf(store));
      const error = (status: 'UNAVAILABLE' | 'INVALID_ARGUMENT'): PublishOutcome => ({
        ...{ stored: false, error: new MeshError('no', { status }) },
      });
      const outcomes = [error('UNAVAILABLE'), error('INVALID_ARGUMENT'), stored];
      await outbox.settle(lease, await outbox.due(10), outcomes);
      expect(await due()).toEqual(['open']);
      const rows = await db
        .selectFrom('weft_outbox')
        .select(['attempts', 'last_error'])
        .where('not_before', '>', systemClock.now())
        .execute();
      expect(rows).toEqual([{ attempts: 1, last_error: '[invalid_argument] no' }]);
    });

    test('a transaction that commits late is not overlooked', async () => {
      const begun = Promise.withResolvers<undefined>();
      const commit = Promise.withResolvers<undefined>();
      const late = store.transaction(async (tx) => {
        await outbox.add(tx, message('late'));
        begun.resolve(undefined);
        await commit.promise;
      });
      await begun.promise;
      // SQLite has one writer at a time: there the second one comes after the first.
      const early = add('early');
      if (dialect === 'postgres') {
        await early;
        const lease = await take(leasesOf(store));
        await outbox.settle(lease, await outbox.due(10), [stored]);
      }
      commit.resolve(undefined);
      await Promise.all([late, early]);
      expect(await due()).toEqual(dialect === 'postgres' ? ['late'] : ['late', 'early']);
    });
  });

  describe('the inbox', () => {
    test('lets one of many deliveries of an event at the same moment have its effect', async () => {
      let effects = 0;
      const effect = async (): Promise<void> => {
        effects++;
      };
      const { signal } = new AbortController();
      const outcomes = await Promise.all(
        [store, other, store, other].map((each) =>
          createInbox(each, 'warehouse', systemClock).once(e1, effect, signal),
        ),
      );
      expect(effects).toBe(1);
      expect(outcomes.filter((outcome) => outcome === 'done').length).toBe(1);
    });

    test('knows an event by its consumer', async () => {
      const signal = new AbortController().signal;
      for (const consumer of ['warehouse', 'notifications']) {
        const inbox = createInbox(store, consumer, systemClock);
        expect(await inbox.once(e1, async () => undefined, signal)).toBe('done');
        expect(await inbox.once(e1, async () => undefined, signal)).toBe('duplicate');
      }
    });

    test('counts failures, gives up once, and then is done with the event', async () => {
      const inbox = createInbox(store, 'warehouse', systemClock);
      const given = keeping();
      const fail = (atMs: number): Promise<number> =>
        inbox.failed(e1, { failure: failure(atMs), limit: 3 }, given.after);
      expect([await fail(7), await fail(8)]).toEqual([1, 2]);
      expect(given.letters).toEqual([]);
      expect(await fail(9)).toBe(3);
      const last = [failure(7), failure(8), failure(9)];
      expect(given.letters).toEqual([{ failures: 3, firstMs: 7, last }]);
      const signal = new AbortController().signal;
      expect(await inbox.once(e1, async () => undefined, signal)).toBe('duplicate');
      expect(await db.selectFrom('weft_failure').selectAll().execute()).toEqual([]);
    });

    test('gives nothing up that another delivery has handled meanwhile', async () => {
      const inbox = createInbox(store, 'warehouse', systemClock);
      const given = keeping();
      await inbox.once(e1, async () => undefined, new AbortController().signal);
      await inbox.failed(e1, { failure: failure(7), limit: 1 }, given.after);
      expect(given.letters).toEqual([]);
    });

    test('counts every failure, also of two deliveries that fail at the same moment', async () => {
      const given = keeping();
      const fail = (each: Store<EventTables>): Promise<number> =>
        createInbox(each, 'warehouse', systemClock).failed(
          e1,
          { failure: failure(7), limit: 12 },
          given.after,
        );
      const counts = await Promise.all(
        Array.from({ length: 12 }, (_, i) => fail(i % 2 === 0 ? store : other)),
      );
      expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
      // All are counted, the last ten are told.
      const last = Array.from({ length: 10 }, () => failure(7));
      expect(given.letters).toEqual([{ failures: 12, firstMs: 7, last }]);
    });
  });

  test('what is old is forgotten in small bites, and nothing else', async () => {
    await add('unsent');
    const old = systemClock.now() - 100_000;
    const sent = (sent_at: number, n: number) =>
      Array.from({ length: n }, (_, i) => ({
        ...{ message_id: `s${String(i)}`, channel: 'c', subject: 'c.x', headers: '{}' },
        ...{ payload: new Uint8Array(), created_at: old, last_error: null, sent_at },
      }));
    const handled = (handled_at: number, n: number) =>
      Array.from({ length: n }, (_, i) => ({
        ...{ consumer: `w${String(handled_at)}`, event_id: String(i), handled_at },
        outcome: 'done' as const,
      }));
    await db.insertInto('weft_outbox').values(sent(old, 1_500)).execute();
    await db.insertInto('weft_outbox').values(sent(systemClock.now(), 3)).execute();
    await db.insertInto('weft_inbox').values(handled(old, 20)).execute();
    await db.insertInto('weft_inbox').values(handled(systemClock.now(), 4)).execute();
    for (const died_at of [old, systemClock.now()]) {
      await db.insertInto('weft_dead_letter').values(letterOf(died_at)).execute();
    }
    // Old too, but its key stands still for it: without the letter nobody could make it go on.
    const stopping = { ...letterOf(old), id: 'stopping', event_id: 'stopping' };
    await db.insertInto('weft_dead_letter').values(stopping).execute();
    const message = { subject: 'c.x', headers: {}, data: new Uint8Array(), sequence: 1 };
    const stopped = { consumer: 'w', eventId: 'stopping', key: 'k', notBeforeMs: never };
    await store.transaction((tx) =>
      park(tx, { ...stopped, message: { ...message, deliveries: 1 } }),
    );
    const retention = { sentMs: 50_000, handledMs: 50_000, lettersMs: 50_000 };
    expect(await forgetOld(store, retention, systemClock)).toBe(true);
    expect(await forgetOld(store, retention, systemClock)).toBe(false);
    const outboxRows = await db.selectFrom('weft_outbox').select('sent_at').execute();
    const inboxRows = await db.selectFrom('weft_inbox').select('event_id').execute();
    const letters = await db.selectFrom('weft_dead_letter').select('died_at').execute();
    expect([outboxRows.length, inboxRows.length, letters.length]).toEqual([4, 4, 2]);
    const shown = createDeadLetters({ store, clock: systemClock });
    expect((await shown.get(['stopping']))[0]).toMatchObject({ keyWaits: 0 });
    expect(await due()).toEqual(['unsent']);
  });
});
