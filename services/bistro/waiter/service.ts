import type {
  Order as OrderMessage,
  WaiterServiceDefinition,
} from '#gen/bistro/waiter/v1/waiter.ts';
import {
  type Clock,
  type Events,
  type Implementation,
  MeshError,
  type Random,
  type Store,
  sortableId,
} from '#mesh';
import { delivery, preparation } from './exchanges.ts';
import type { Pad, WaiterDb } from './store.ts';
import { toMessage } from './wire.ts';

/** How long the waiter waits for others, in ms. */
export interface Patience {
  readonly dishMs: number;
  readonly offersMs: number;
}

export interface WaiterServiceOptions {
  readonly pad: Pad;
  readonly store: Store<WaiterDb>;
  readonly events: Events<WaiterDb>;
  readonly clock: Clock;
  readonly random: Random;
  readonly patience: Patience;
}

/** bistro.waiter.v1.WaiterService. */
export function waiterService(
  options: WaiterServiceOptions,
): Implementation<WaiterServiceDefinition> {
  const { pad, store, events, clock, random } = options;
  const { dishMs, offersMs } = options.patience;
  const read = async (orderId: string): Promise<OrderMessage> => {
    const order = await pad.find(orderId);
    if (order !== undefined) return toMessage(order);
    throw new MeshError(`there is no order ${orderId}; take it first`, {
      ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_ORDER' },
    });
  };
  return {
    async takeOrder({ orderId, table, dish }) {
      await store.transaction(async (tx) => {
        if (!(await pad.add(tx, { orderId, table, dish }))) return;
        await events.ask(tx, preparation, { orderId, table, dish }, { timeoutMs: dishMs });
      });
      return { order: await read(orderId) };
    },

    async getOrder({ orderId }) {
      return { order: await read(orderId) };
    },

    async tasteDish({ dish }) {
      const order = { orderId: sortableId(clock.now(), random), table: 'kitchen', dish };
      const { cook } = await events.request(preparation, order, { timeoutMs: dishMs });
      return { cook };
    },

    async sendHome({ orderId, address }) {
      await store.transaction(async (tx) => {
        if (!(await pad.move(tx, orderId, { from: 'served', to: 'calling' }))) return;
        await events.gather(tx, delivery, { orderId, address }, { timeoutMs: offersMs, wanted: 2 });
      });
      return { order: await read(orderId) };
    },
  };
}
