import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { currentContext, runInContext } from '../kernel/context.ts';
import type { Store } from '../store/store.ts';
import { add, balance, type Tables } from './store-contract-rows.ts';

/** The part of the store's contract that is about works which share a COMMIT. */
export function groupContract(name: string, fresh: () => Promise<Store<Tables>>): void {
  const insert = (store: Store<Tables>, key: string, signal?: AbortSignal): Promise<void> =>
    store.grouped(async (tx) => {
      await tx.insertInto('accounts').values({ name: key, minor_units: 1 }).execute();
    }, signal);
  const keys = async (store: Store<Tables>): Promise<string[]> => {
    const rows = await store.db.selectFrom('accounts').select('name').orderBy('name').execute();
    return rows.map((row) => row.name).filter((key) => key.length > 1);
  };

  describe(`${name}: works in groups`, () => {
    test('all of a crowd are stored, each gets its own result, and what waited for the commit ran', async () => {
      const store = await fresh();
      let tasks = 0;
      const crowd = Array.from({ length: 250 }, (_, i) =>
        store.grouped(async (tx) => {
          await add(tx, 'b', 1);
          store.onCommit(tx, () => tasks++);
          return i;
        }),
      );
      expect(await Promise.all(crowd)).toEqual(Array.from({ length: 250 }, (_, i) => i));
      expect(await balance(store.db, 'b')).toBe(250);
      expect(tasks).toBe(250);
    });

    test('nothing resolves, and no task runs, before it is visible to others', async () => {
      const store = await fresh();
      const seen: Promise<number>[] = [];
      const crowd = Array.from({ length: 20 }, async (_, i) => {
        await store.grouped(async (tx) => {
          store.onCommit(tx, () => seen.push(balance(store.db, 'b')));
          await tx
            .insertInto('accounts')
            .values({ name: `k${i}`, minor_units: 1 })
            .execute();
          await add(tx, 'b', 1);
        });
        expect(await keys(store)).toContain(`k${i}`);
      });
      await Promise.all(crowd);
      for (const value of await Promise.all(seen)) expect(value).toBeGreaterThan(0);
    });

    test('of any mixture of works, those that succeed stand and the others leave no trace', async () => {
      const store = await fresh();
      let runs = 0;
      const fate = fc.constantFrom('fine', 'throws', 'breaks a key', 'is aborted', 'waits');
      await fc.assert(
        fc.asyncProperty(fc.array(fate, { maxLength: 12, size: 'max' }), async (fates) => {
          const run = `r${String(++runs)}-`;
          const settled = await Promise.allSettled(
            fates.map(async (it, i) => {
              const caller = new AbortController();
              await store.grouped(async (tx) => {
                const row = { name: `${run}${String(i)}`, minor_units: 1 };
                await tx.insertInto('accounts').values(row).execute();
                if (it === 'throws') throw new Error('after all not');
                if (it === 'breaks a key') await tx.insertInto('accounts').values(row).execute();
                if (it === 'waits') await new Promise((resolve) => setImmediate(resolve));
                if (it !== 'is aborted') return;
                caller.abort();
                await new Promise((resolve) => setImmediate(resolve));
                await tx
                  .insertInto('accounts')
                  .values({ ...row, name: `${run}late` })
                  .execute();
              }, caller.signal);
              return `${run}${String(i)}`;
            }),
          );
          const good = fates.map((it) => it === 'fine' || it === 'waits');
          expect(settled.map(({ status }) => status === 'fulfilled')).toEqual(good);
          const stored = (await keys(store)).filter((key) => key.startsWith(run));
          const wanted = settled.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
          expect(stored).toEqual(wanted.sort());
        }),
        { numRuns: 25, endOnFailure: true },
      );
    });

    test('each work, and what waits for its commit, runs in the context of its own caller', async () => {
      const store = await fresh();
      const trace = (spanId: string) => ({ trace: { traceId: 'a'.repeat(32), spanId } });
      const spans = ['1', '2', '3'];
      const told: (string | undefined)[] = [];
      const seen = spans.map((span) =>
        runInContext(trace(span), () =>
          store.grouped(async (tx) => {
            await add(tx, 'b', 1);
            store.onCommit(tx, () => told.push(currentContext().trace?.spanId));
            return currentContext().trace?.spanId;
          }),
        ),
      );
      expect(await Promise.all(seen)).toEqual(spans);
      expect(told.sort()).toEqual(spans);
    });

    test('one that is aborted while it waits never runs', async () => {
      const store = await fresh();
      const caller = new AbortController();
      const end = Promise.withResolvers<undefined>();
      const blocking = store.transaction(async (tx) => {
        await add(tx, 'b', 1);
        await end.promise;
      });
      const others = Array.from({ length: 30 }, (_, i) => insert(store, `other-${String(i)}`));
      const waiting = store.grouped((tx) => {
        caller.abort();
        return add(tx, 'b', 100);
      }, caller.signal);
      caller.abort();
      await expect(waiting).rejects.toMatchObject({ status: 'CANCELLED' });
      end.resolve(undefined);
      await Promise.all([blocking, ...others]);
      expect(await balance(store.db, 'b')).toBe(1);
    });

    test('a transaction inside of one, or a write beside it, is refused', async () => {
      const store = await fresh();
      const nested = store.grouped(() => insert(store, 'nested'));
      await expect(nested).rejects.toMatchObject({ reason: 'NESTED_TRANSACTION' });
      const beside = store.grouped(() => add(store.db, 'b', 1));
      await expect(beside).rejects.toMatchObject({ reason: 'NESTED_TRANSACTION' });
      await insert(store, 'after');
      expect(await keys(store)).toEqual(['after']);
    });

    test('a work that waits for others ends its group, and those after it have their own', async () => {
      const store = await fresh();
      const end = Promise.withResolvers<undefined>();
      const slow = store.grouped(async (tx) => {
        await add(tx, 'b', 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
        await end.promise;
      });
      const next = store.grouped(async (tx) => balance(tx, 'a'));
      end.resolve(undefined);
      await Promise.all([slow, next]);
      expect(await balance(store.db, 'b')).toBe(1);
    });

    test('close waits for the group that runs', async () => {
      const store = await fresh();
      const begun = Promise.withResolvers<undefined>();
      const running = store.grouped(async (tx) => {
        begun.resolve(undefined);
        await add(tx, 'b', 1);
        await add(tx, 'b', 1);
      });
      await begun.promise;
      await Promise.all([store.close(), running]);
      await expect(insert(store, 'late')).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    });
  });
}
