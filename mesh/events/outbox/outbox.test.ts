import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { sql } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import { onEachDatabase } from '../../testing/databases.ts';
import type { Bus, Outgoing, PublishOutcome } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { eventMigrations } from '../migrations.ts';
import type { EventTables } from '../tables.ts';
import { createChannelMemory } from './channel-memory.ts';
import { createLeases, type Lease } from './lease.ts';
import { createOutbox, type Outbox } from './outbox.ts';

const message = (id: string, key = ''): Outgoing => ({
  ...{ channel: 'shop-orders', subject: 'shop-orders.Placed', id, key },
  ...{ headers: { 'ce-id': id }, data: new Uint8Array([1]) },
});
const refusal: PublishOutcome = {
  stored: false,
  error: new MeshError('too large', { status: 'INVALID_ARGUMENT' }),
};

onEachDatabase<EventTables>(eventMigrations, (database) => {
  let store: Store<EventTables>;
  let outbox: Outbox<EventTables>;
  let lease: Lease;
  let now = 0;
  const clock = { ...systemClock, now: () => now };

  beforeEach(async () => {
    now = 1_000_000;
    store = await database.open();
    outbox = createOutbox({ store, clock, random: systemRandom, onWritten: () => undefined });
    const leases = createLeases({ store, holder: 'one', durationMs: 60_000, log: silentLog });
    const taken = await leases.take('relay');
    if (taken === undefined) throw new Error('the lease is held');
    lease = taken;
  });

  const add = (messages: readonly Outgoing[], notBefore?: number): Promise<void> =>
    store.transaction(async (tx) => {
      for (const each of messages) await outbox.add(tx, each, notBefore);
    });
  const due = async (): Promise<string[]> => (await outbox.due(100)).map(({ id }) => id);
  /** Settles what is due, refusing these ids; gives the ids that went. */
  const send = async (...refused: string[]): Promise<string[]> => {
    const messages = await outbox.due(100);
    const outcomes = messages.map(
      ({ id, row }): PublishOutcome =>
        refused.includes(id) ? refusal : { stored: true, sequence: row, duplicate: false },
    );
    await outbox.settle(lease, messages, outcomes);
    return messages.filter((_, i) => outcomes[i]?.stored).map(({ id }) => id);
  };

  test('a message is due when its time has come, and not before', async () => {
    await add([message('later')], now + 60_000);
    await add([message('now')]);
    expect(await due()).toEqual(['now']);
    expect(await outbox.state()).toEqual({ unsent: 2, later: 1, refused: 0 });
    now += 60_000;
    expect(await due()).toEqual(['later', 'now']);
    expect(await outbox.state()).toEqual({ unsent: 2, later: 0, refused: 0 });
  });

  test('what is written behind a refused message of its key waits until that one is sent', async () => {
    await add([message('a1', 'a'), message('b1', 'b')]);
    expect(await send('a1')).toEqual(['b1']);
    await add([message('a2', 'a'), message('b2', 'b'), message('keyless')]);
    expect(await send()).toEqual(['b2', 'keyless']);
    expect(await outbox.state()).toEqual({ unsent: 2, later: 1, refused: 1 });
    now += 10_000;
    expect(await due()).toEqual(['a1']);
    expect(await send()).toEqual(['a1']);
    expect(await send()).toEqual(['a2']);
  });

  test('what stood behind it already waits with it, and leaves after it in order', async () => {
    await add([message('a1', 'a')]);
    const [first] = await outbox.due(100);
    await add([message('a2', 'a'), message('a3', 'a')]);
    await outbox.settle(lease, first === undefined ? [] : [first], [refusal]);
    expect(await outbox.state()).toEqual({ unsent: 3, later: 3, refused: 1 });
    now += 10_000;
    expect(await send()).toEqual(['a1']);
    expect(await send()).toEqual(['a2', 'a3']);
  });

  test('the same key on another channel does not wait', async () => {
    await add([message('a1', 'a')]);
    await send('a1');
    await add([{ ...message('other', 'a'), channel: 'shop-payments' }]);
    expect(await due()).toEqual(['other']);
  });

  test('what is on its way is not read again', async () => {
    await add([message('a'), message('b')]);
    const [first] = await outbox.due(1);
    expect(first?.id).toBe('a');
    const rest = await outbox.due(100, new Set([first?.row ?? 0]));
    expect(rest.map(({ id }) => id)).toEqual(['b']);
  });

  test('a look meets neither what was sent nor what waits for its hour', async () => {
    await add([message('now')]);
    const look = `select id from weft_outbox where sent_at is null and not_before = 0 order by id limit 5`;
    const explain = store.dialect === 'sqlite' ? 'explain query plan' : 'explain';
    const plan = await store.transaction(async (tx) => {
      // PostgreSQL would scan a table of one row.
      if (store.dialect === 'postgres') await sql`set local enable_seqscan = off`.execute(tx);
      return (await sql.raw<object>(`${explain} ${look}`).execute(tx)).rows;
    });
    expect(JSON.stringify(plan)).toContain('weft_outbox_ready');
  });

  describe('what is remembered of a channel', () => {
    let bus: Bus;
    const { signal } = new AbortController();
    const verify = (of: Bus = bus): Promise<number> =>
      createChannelMemory({ store, bus: of, log: silentLog }).verify(lease, 'shop-orders', signal);

    beforeEach(async () => {
      bus = createMemoryBus({ clock: systemClock });
      await bus.ensureChannel({ name: 'shop-orders' });
      await verify();
    });
    afterEach(() => bus.close());

    const publish = async (to: Bus, ...ids: string[]): Promise<void> => {
      await add(ids.map((id) => message(id)));
      const messages = await outbox.due(100);
      await outbox.settle(lease, messages, await to.publish(messages));
    };
    /** A bus that holds what `bus` held when it had so many messages, and these of somebody else. */
    const rolledBack = async (to: number, ...others: string[]): Promise<Bus> => {
      const older = createMemoryBus({ clock: systemClock });
      const ids = await Promise.all(
        Array.from({ length: to }, (_, i) => bus.idAt('shop-orders', i + 1)),
      );
      await older.publish([...ids.map((id) => id ?? ''), ...others].map((id) => message(id)));
      return older;
    };

    test('a channel that holds what it held has lost nothing', async () => {
      await publish(bus, 'a', 'b');
      expect(await verify()).toBe(0);
      expect(await due()).toEqual([]);
    });

    test('what a channel no longer holds is due again, in order', async () => {
      await publish(bus, 'a', 'b', 'c', 'd', 'e');
      expect(await verify(await rolledBack(2))).toBe(3);
      expect(await due()).toEqual(['c', 'd', 'e']);
    });

    test('it is noticed too when others have published since', async () => {
      await publish(bus, 'a', 'b', 'c');
      expect(await verify(await rolledBack(1, 'x', 'y', 'z', 'more'))).toBe(2);
      expect(await due()).toEqual(['b', 'c']);
    });

    test('a channel that was made anew gets all that was sent', async () => {
      await publish(bus, 'a', 'b');
      const anew: Bus = {
        ...createMemoryBus({ clock: systemClock }),
        inspect: async () => ({ identity: 'another', firstSequence: 1, lastSequence: 0 }),
      };
      expect(await verify(anew)).toBe(2);
      expect(await due()).toEqual(['a', 'b']);
      expect(await verify(anew)).toBe(0);
    });

    test('what the channel has let go of by its age is not sent again', async () => {
      await publish(bus, 'a', 'b');
      const aged: Bus = {
        ...bus,
        inspect: async () => ({ identity: 'shop-orders', firstSequence: 3, lastSequence: 2 }),
        idAt: async () => undefined,
      };
      expect(await verify(aged)).toBe(0);
    });
  });
});
