import assert from 'node:assert/strict';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import type { Events } from '../events/events.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { confirmed } from './events-rig.ts';
import type { Labelled } from './model-steps.ts';

/** Whoever publishes in the model: one transaction at a time, held open until it is told how to end. */
export interface Writer {
  readonly isOpen: boolean;
  /** What was committed, in this order. */
  readonly committed: readonly Labelled[];
  begin(): Promise<void>;
  /** An event with a label of its own, if a transaction is open. */
  publish(key: string): Promise<void>;
  end(how: 'commit' | 'abort'): Promise<void>;
}

export interface WriterOptions<DB> {
  readonly store: Store<DB>;
  readonly events: Pick<Events<DB>, 'publish'>;
  /** Waits for work on the database, while time goes on. */
  readonly done: <T>(work: Promise<T>) => Promise<T>;
}

interface Open<DB> {
  readonly tx: Transaction<DB>;
  readonly written: Labelled[];
  end(how: 'commit' | 'abort'): void;
  readonly ended: Promise<boolean>;
}

export function createWriter<DB>({ store, events, done }: WriterOptions<DB>): Writer {
  const committed: Labelled[] = [];
  let open: Open<DB> | undefined;
  let labels = 0;
  return {
    committed,
    get isOpen() {
      return open !== undefined;
    },
    async begin() {
      if (open !== undefined) return;
      const begun = Promise.withResolvers<Transaction<DB>>();
      const fate = Promise.withResolvers<'commit' | 'abort'>();
      const ended = store
        .transaction(async (tx) => {
          begun.resolve(tx);
          if ((await fate.promise) === 'abort') throw new Error('after all not');
        })
        .then(
          () => true,
          () => false,
        );
      open = { tx: await done(begun.promise), written: [], end: fate.resolve, ended };
    },
    async publish(key) {
      if (open === undefined) return;
      const label = `e${String(++labels)}`;
      await events.publish(open.tx, OrderConfirmed, { ...confirmed(key), customerId: label });
      open.written.push({ key, label });
    },
    async end(how) {
      if (open === undefined) return;
      const ending = open;
      open = undefined;
      ending.end(how);
      const isCommitted = await done(ending.ended);
      assert.equal(isCommitted, how === 'commit');
      if (isCommitted) committed.push(...ending.written);
    },
  };
}
