import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { sql } from '../../store/sql.ts';
import { confirmed, createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres({ wal_level: 'logical' });
}, 60_000);
afterAll(() => postgres.close());

let bus: Bus;
let rig: Rig;
/** Another process of the service: it writes, and does not relay. */
let writer: Rig;
let refused: Set<string>;

beforeEach(async () => {
  refused = new Set();
  const inner = createMemoryBus({ clock: systemClock });
  bus = {
    ...inner,
    async publish(messages) {
      const stopped = new Set<string>();
      return Promise.all(
        messages.map(async (message) => {
          const { key = '' } = message;
          const error = stopped.has(key)
            ? new MeshError('behind', { status: 'ABORTED', reason: 'HELD_BACK' })
            : new MeshError('too large', { status: 'INVALID_ARGUMENT' });
          if (!refused.has(key) && !stopped.has(key)) {
            const [outcome] = await inner.publish([message]);
            if (outcome !== undefined) return outcome;
          }
          stopped.add(key);
          return { stored: false as const, error };
        }),
      );
    },
  };
  // An hour: what is found, the log has told of.
  rig = await createRig({
    ...{ bus, url: postgres.url, relay: { kind: 'log', pollMs: 3_600_000 } },
  });
  writer = await createRig({ bus, url: postgres.url });
  for (const table of ['weft_outbox', 'weft_inbox', 'effects', 'weft_lease']) {
    await sql`delete from ${sql.table(table)}`.execute(rig.store.db);
  }
  rig.events.start();
  await rig.hear();
  await followed();
});
afterEach(async () => {
  await writer.close();
  await rig.close();
  await bus.close();
});

/** A server that was told to end a stream makes the next slot when it gets to it. */
const patient = { withinMs: 30_000 };

/** The server's process that sends the log; 0 while there is none. */
async function walSender(): Promise<number> {
  const { rows } = await sql<{
    pid: number;
  }>`select active_pid as pid from pg_replication_slots where active`.execute(writer.store.db);
  return rows[0]?.pid ?? 0;
}
const followed = (): Promise<unknown> => eventually(async () => (await walSender()) > 0, patient);
const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i)}`);

test('what another process writes leaves without anyone asking the table, in order', async () => {
  const ids = names('order', 50);
  for (const id of ids) await writer.confirm(id);
  await rig.hasEffects(...ids);
  await eventually(async () => (await rig.events.outbox()).unsent === 0, patient);
});

test('what was written before the log was followed leaves too', async () => {
  await rig.close();
  await writer.confirm('early');
  rig = await createRig({ bus, url: postgres.url, relay: { kind: 'log', pollMs: 3_600_000 } });
  rig.events.start();
  await rig.hear();
  await rig.hasEffects('early');
});

test('nothing is lost when the server ends the stream again and again, and each event has one effect', async () => {
  const ids = names('order', 300);
  const ending = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await followed();
      await sql`select pg_terminate_backend(${await walSender()})`.execute(writer.store.db);
      await eventually(async () => (await rig.effects()).length > 60 * (i + 1), patient);
    }
  };
  const ended = ending();
  for (const id of ids) await writer.confirm(id);
  // The poll is an hour away: what is asked for is asked when the stream ends, or is told anew.
  await rig.hasEffects(...ids);
  await ended;
}, 90_000);

test('behind a refused event those of its key wait, and others go', async () => {
  refused.add('bad');
  await writer.confirm('bad');
  await eventually(async () => (await rig.events.outbox()).refused === 1, patient);
  await writer.confirm('bad');
  await rig.confirm('good');
  await rig.hasEffects('good');
  await eventually(async () => (await rig.events.outbox()).unsent === 2, patient);
  expect(await rig.effects()).toEqual(['good']);
});

test('a transaction that began before the stream and commits after it is told', async () => {
  const begun = Promise.withResolvers<undefined>();
  const commit = Promise.withResolvers<undefined>();
  const late = writer.store.transaction(async (tx) => {
    await writer.events.publish(tx, OrderConfirmed, confirmed('late'));
    begun.resolve(undefined);
    await commit.promise;
  });
  await begun.promise;
  await sql`select pg_terminate_backend(${await walSender()})`.execute(writer.store.db);
  await rig.confirm('other');
  await rig.hasEffects('other');
  commit.resolve(undefined);
  await late;
  await rig.hasEffects('late', 'other');
});

test('SQLite has no log to follow', async () => {
  const attempt = createRig({ bus, relay: { kind: 'log' } });
  await expect(attempt).rejects.toMatchObject({
    ...{ status: 'INVALID_ARGUMENT', reason: 'NO_INSERT_LOG' },
  });
});
