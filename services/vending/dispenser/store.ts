/** Cans in SQL: what was loaded, what sales have taken of it, and what is stuck. */
import type { Kysely, Store, Transaction } from '#mesh';
import type { Can, Shelf } from './can.ts';
import type { CanRow, DispenserDb } from './tables.ts';

type Tx = Transaction<DispenserDb>;

/** The cans of one item in a machine; those that are kept for sales lie in it. */
export interface Slot {
  readonly itemId: string;
  readonly loaded: number;
  readonly left: number;
}

export interface Cans {
  load(
    tx: Tx,
    load: {
      readonly loadId: string;
      readonly machineId: string;
      readonly itemId: string;
      readonly cans: number;
    },
  ): Promise<void>;
  setJammed(tx: Tx, machineId: string, jammed: boolean): Promise<void>;
  /** Takes a machine for the rest of the transaction: until then nobody else moves a can of it. */
  hold(tx: Tx, machineId: string): Promise<void>;
  shelf(tx: Tx, machineId: string, itemId: string): Promise<Shelf>;
  find(tx: Tx, saleId: string): Promise<Can | undefined>;
  save(tx: Tx, can: Can): Promise<void>;
  slots(machineId: string): Promise<readonly Slot[]>;
  list(machineId: string): Promise<readonly Can[]>;
}

export function createCans(store: Store<DispenserDb>): Cans {
  return { ...machines, ...slotsIn(store), ...cansIn(store) };
}

const machines: Pick<Cans, 'setJammed' | 'hold'> = {
  async setJammed(tx, machineId, jammed) {
    const row = { machine_id: machineId, jammed: jammed ? 1 : 0 };
    await tx
      .insertInto('machines')
      .values(row)
      .onConflict((conflict) => conflict.column('machine_id').doUpdateSet(row))
      .execute();
  },

  async hold(tx, machineId) {
    // A write that changes nothing: on PostgreSQL it waits for whoever holds the row, and what is read after it is new.
    await tx
      .insertInto('machines')
      .values({ machine_id: machineId, jammed: 0 })
      .onConflict((conflict) =>
        conflict
          .column('machine_id')
          .doUpdateSet(({ ref }) => ({ jammed: ref('machines.jammed') })),
      )
      .execute();
  },
};

function slotsIn({ db }: Store<DispenserDb>): Pick<Cans, 'load' | 'shelf' | 'slots'> {
  return {
    async load(tx, { loadId, machineId, itemId, cans }) {
      await tx
        .insertInto('loads')
        .values({ load_id: loadId, machine_id: machineId, item_id: itemId, cans })
        .onConflict((conflict) => conflict.column('load_id').doNothing())
        .execute();
    },

    async shelf(tx, machineId, itemId) {
      const slot = (await slotsOf(tx, machineId)).get(itemId);
      const machine = await tx
        .selectFrom('machines')
        .select('jammed')
        .where('machine_id', '=', machineId)
        .executeTakeFirst();
      return { free: slot?.free ?? 0, jammed: machine?.jammed === 1 };
    },

    async slots(machineId) {
      const slots = [...(await slotsOf(db, machineId))].sort(([a], [b]) => (a < b ? -1 : 1));
      return slots.map(([itemId, { loaded, dropped }]) => {
        return { itemId, loaded, left: loaded - dropped };
      });
    },
  };
}

function cansIn({ db }: Store<DispenserDb>): Pick<Cans, 'find' | 'save' | 'list'> {
  return {
    async find(tx, saleId) {
      const row = await tx
        .selectFrom('cans')
        .selectAll()
        .where('sale_id', '=', saleId)
        .executeTakeFirst();
      return row && canOf(row);
    },

    async save(tx, { saleId, machineId, itemId, status, reason }) {
      await tx
        .insertInto('cans')
        .values({ sale_id: saleId, machine_id: machineId, item_id: itemId, status, reason })
        .onConflict((conflict) => conflict.column('sale_id').doUpdateSet({ status, reason }))
        .execute();
    },

    async list(machineId) {
      const rows = await db
        .selectFrom('cans')
        .selectAll()
        .where('machine_id', '=', machineId)
        .orderBy('sale_id')
        .execute();
      return rows.map(canOf);
    },
  };
}

interface Counts {
  loaded: number;
  dropped: number;
  free: number;
}

/** What lies in a machine, from what was loaded and what sales have taken: one truth, no counter beside it. */
async function slotsOf(db: Kysely<DispenserDb>, machineId: string): Promise<Map<string, Counts>> {
  const slots = new Map<string, Counts>();
  const loads = await db
    .selectFrom('loads')
    .select(['item_id', 'cans'])
    .where('machine_id', '=', machineId)
    .execute();
  for (const { item_id, cans } of loads) {
    const slot = slots.get(item_id) ?? { loaded: 0, dropped: 0, free: 0 };
    slots.set(item_id, { ...slot, loaded: slot.loaded + cans, free: slot.free + cans });
  }
  const taken = await db
    .selectFrom('cans')
    .select((eb) => ['item_id', 'status', eb.fn.countAll<number>().as('count')])
    .where('machine_id', '=', machineId)
    .where('status', '!=', 'missing')
    .groupBy(['item_id', 'status'])
    .execute();
  for (const { item_id, status, count } of taken) {
    const slot = slots.get(item_id);
    if (slot === undefined) continue;
    slot.free -= count;
    if (status === 'dropped') slot.dropped += count;
  }
  return slots;
}

function canOf({ sale_id, machine_id, item_id, ...rest }: CanRow): Can {
  return { ...rest, saleId: sale_id, machineId: machine_id, itemId: item_id };
}
