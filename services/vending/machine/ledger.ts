/** Sales, and what follows from each of their steps in the same transaction. */
import type { Clock, NewEvent, Sourcing, Store, Transaction } from '#mesh';
import { type Sale, type SaleId, sales, select } from './sale.ts';
import type { Floor, VendingDb } from './store.ts';

type Tx = Transaction<VendingDb>;
type Decide = (sale: Sale) => readonly NewEvent[];

export interface Ledger {
  /** A step of a sale, in a transaction of its own; gives the sale as it is then. */
  step(id: SaleId, decide: Decide): Promise<Sale>;
  /** The same in the transaction of a handler. */
  stepIn(tx: Tx, id: SaleId, decide: Decide): Promise<Sale>;
  /** The first step, which needs the machine for itself. */
  begin(id: SaleId, itemId: string): Promise<Sale>;
  read(saleId: string): Promise<Sale>;
}

export interface LedgerOptions {
  readonly store: Store<VendingDb>;
  readonly sourcing: Sourcing<VendingDb>;
  readonly floor: Floor;
  readonly clock: Clock;
  /** When a sale is asked about that nothing is heard of, in ms. */
  readonly askMs: number;
}

export function createLedger(options: LedgerOptions): Ledger {
  const { store, sourcing, floor, clock, askMs } = options;
  const decideAnd = async (sale: Sale, tx: Tx, decide: Decide): Promise<readonly NewEvent[]> => {
    const events = decide(sale);
    if (events.length === 0) return events;
    const after = events.reduce(
      (state, { typeName, encode }) => sales.fold(state, { typeName, data: encode() }),
      sale,
    );
    const nowMs = clock.now();
    // Who is told by events is heard of at once; a cancelled sale has to be asked for, and that soon.
    const dueAt = nowMs + (after.status === 'cancelled' ? Math.min(askMs, 500) : askMs);
    const dispensed = isDispensed(after) && !isDispensed(sale);
    await floor.follow(tx, after, { nowMs, dueAt, dispensed });
    return events;
  };
  const decider = (id: SaleId, decide: Decide, before?: (tx: Tx, sale: Sale) => Promise<void>) =>
    [
      sales,
      id.saleId,
      async (sale: Sale, tx: Tx) => {
        await before?.(tx, sale);
        return decideAnd(sale, tx, decide);
      },
    ] as const;
  return {
    step: async (id, decide) => (await sourcing.decide(...decider(id, decide))).state,
    stepIn: async (tx, id, decide) => (await sourcing.decideIn(tx, ...decider(id, decide))).state,
    async begin(id, itemId) {
      const occupy = async (tx: Tx, sale: Sale): Promise<void> => {
        if (sale.status === 'new') await floor.occupy(tx, id);
      };
      const decided = decider(id, (sale) => select(sale, id, itemId), occupy);
      return (await sourcing.decide(...decided)).state;
    },
    read: async (saleId) => (await sourcing.load(store.db, sales, saleId)).state,
  };
}

function isDispensed({ status }: Sale): boolean {
  return status === 'early' || status === 'done';
}
