import { afterEach, describe, expect, test } from '@jest/globals';
import { type Migration, openStore, type Store } from '../store/store.ts';
import { groupContract } from './store-contract-groups.ts';
import {
  accounts,
  add,
  balance,
  notes,
  rowContract,
  type StoreFeatures,
  type Tables,
} from './store-contract-rows.ts';

export interface StoreContract {
  readonly name: string;
  readonly features: StoreFeatures;
  /** The URL of an empty database of the test's own. */
  newDatabase: () => Promise<string>;
}

/** Every store passes this suite: SQLite on a file and in memory, and PostgreSQL. */
export function storeContract({ name, features, newDatabase }: StoreContract): void {
  const opened: Store<Tables>[] = [];
  const open = async (
    url: string,
    migrations: readonly Migration[] = [accounts, notes],
  ): Promise<Store<Tables>> => {
    const store = await openStore<Tables>({ url, migrations });
    opened.push(store);
    return store;
  };
  const fresh = async (): Promise<Store<Tables>> => open(await newDatabase());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  describe(`${name}: transactions`, () => {
    test('what a transaction resolved for is stored', async () => {
      const store = await fresh();
      const given = await store.transaction(async (tx) => {
        await add(tx, 'b', 40);
        return balance(tx, 'b');
      });
      expect(given).toBe(40);
      expect(await balance(store.db, 'b')).toBe(40);
    });

    test('what it rejected for has left no trace, and the error is the one that was thrown', async () => {
      const store = await fresh();
      const thrown = new Error('the card was refused');
      const attempt = store.transaction(async (tx) => {
        await add(tx, 'b', 40);
        throw thrown;
      });
      await expect(attempt).rejects.toBe(thrown);
      expect(await balance(store.db, 'b')).toBe(0);
    });

    test('a read outside never sees rows that are not committed', async () => {
      const store = await fresh();
      const written = Promise.withResolvers<undefined>();
      const end = Promise.withResolvers<undefined>();
      const attempt = store.transaction(async (tx) => {
        await add(tx, 'b', 40);
        written.resolve(undefined);
        await end.promise;
        throw new Error('after all not');
      });
      await written.promise;
      const seen = balance(store.db, 'b');
      end.resolve(undefined);
      await expect(attempt).rejects.toThrow('after all not');
      expect(await seen).toBe(0);
    });

    test('concurrent transactions lose no update', async () => {
      const store = await fresh();
      const moves = Array.from({ length: 40 }, () => store.transaction((tx) => add(tx, 'b', 1)));
      await Promise.all(moves);
      expect(await balance(store.db, 'b')).toBe(40);
    });

    test('a transaction inside a transaction is refused instead of waiting for itself', async () => {
      const store = await fresh();
      const attempt = store.transaction(async (tx) => {
        await add(tx, 'b', 1);
        await store.transaction((inner) => add(inner, 'b', 1));
      });
      await expect(attempt).rejects.toMatchObject({ reason: 'NESTED_TRANSACTION' });
      await store.transaction((tx) => add(tx, 'b', 5));
      expect(await balance(store.db, 'b')).toBe(5);
    });

    test('so is a write beside the transaction, which would wait for it or outlive its rollback', async () => {
      const store = await fresh();
      const attempt = store.transaction(() => add(store.db, 'b', 1));
      await expect(attempt).rejects.toMatchObject({ reason: 'NESTED_TRANSACTION' });
      expect(await balance(store.db, 'b')).toBe(0);
    });

    test('work started inside a transaction that outlives it may begin its own', async () => {
      const store = await fresh();
      const ended = Promise.withResolvers<undefined>();
      let later: Promise<unknown> = Promise.resolve();
      await store.transaction(async () => {
        later = ended.promise.then(() => store.transaction((tx) => add(tx, 'b', 1)));
      });
      ended.resolve(undefined);
      await later;
      expect(await balance(store.db, 'b')).toBe(1);
    });
  });

  describe(`${name}: giving up`, () => {
    test('an abort rolls back at once, though the work does not notice', async () => {
      const store = await fresh();
      const caller = new AbortController();
      const stuck = Promise.withResolvers<undefined>();
      let afterAbort: Promise<unknown> = Promise.resolve();
      const attempt = store.transaction(async (tx) => {
        await add(tx, 'b', 40);
        caller.abort();
        await stuck.promise;
        afterAbort = add(tx, 'b', 1);
        await afterAbort;
      }, caller.signal);
      await expect(attempt).rejects.toMatchObject({ status: 'CANCELLED' });
      stuck.resolve(undefined);
      await store.transaction((tx) => add(tx, 'b', 2));
      await expect(afterAbort).rejects.toThrow();
      expect(await balance(store.db, 'b')).toBe(2);
    });

    test('an abort beforehand begins nothing', async () => {
      const store = await fresh();
      let ran = false;
      const work = async (): Promise<void> => {
        ran = true;
      };
      const attempt = store.transaction(work, AbortSignal.abort());
      await expect(attempt).rejects.toMatchObject({ status: 'CANCELLED' });
      expect(ran).toBe(false);
    });
  });

  describe(`${name}: after the commit`, () => {
    test('a task runs once the transaction has committed, and not before', async () => {
      const store = await fresh();
      const order: string[] = [];
      await store.transaction(async (tx) => {
        expect(store.onCommit(tx, () => order.push('task'))).toBe(true);
        await add(tx, 'b', 1);
        order.push('work');
      });
      expect(order).toEqual(['work', 'task']);
    });

    test('a task never runs when the transaction rolled back', async () => {
      const store = await fresh();
      let ran = false;
      const attempt = store.transaction(async (tx) => {
        store.onCommit(tx, () => {
          ran = true;
        });
        throw new Error('no');
      });
      await expect(attempt).rejects.toThrow('no');
      expect(ran).toBe(false);
    });

    test('a task of a transaction that has ended is not kept', async () => {
      const store = await fresh();
      const ended = await store.transaction(async (tx) => [tx]);
      for (const tx of ended) expect(store.onCommit(tx, () => undefined)).toBe(false);
    });

    test('a task that throws does not undo the commit', async () => {
      const store = await fresh();
      await store.transaction(async (tx) => {
        store.onCommit(tx, () => {
          throw new Error('a fault of the task');
        });
        await add(tx, 'b', 1);
      });
      expect(await balance(store.db, 'b')).toBe(1);
    });
  });

  groupContract(name, fresh);
  rowContract({ name, features, newDatabase, open });

  describe(`${name}: closing`, () => {
    test('close waits for the transaction that runs, and may be called twice', async () => {
      const store = await fresh();
      const begun = Promise.withResolvers<undefined>();
      const transaction = store.transaction(async (tx) => {
        begun.resolve(undefined);
        await add(tx, 'b', 1);
        await add(tx, 'b', 1);
      });
      await begun.promise;
      await Promise.all([store.close(), transaction]);
      await store.close();
      await expect(store.transaction((tx) => add(tx, 'b', 1))).rejects.toMatchObject({
        reason: 'STORE_UNAVAILABLE',
      });
    });
  });
}
