/** What becomes of what the waiter asked, and what it hears. */
import { Deliver } from '#gen/bistro/couriers/v1/messages.ts';
import { Menu } from '#gen/bistro/kitchen/v1/messages.ts';
import { DishServed } from '#gen/bistro/waiter/v1/messages.ts';
import { type Events, on, onAnswers, onReply, type ServiceParts } from '#mesh';
import { delivery, preparation } from './exchanges.ts';
import { cheapest } from './order.ts';
import type { Pad, WaiterDb } from './store.ts';

type Handlers = NonNullable<ServiceParts<WaiterDb>['consumer']>['handlers'];

export interface WaiterHandlersOptions {
  readonly pad: Pad;
  readonly events: Events<WaiterDb>;
}

/** Key: the order id. Every handler moves an order from one state only, so nothing is done twice. */
export function waiterHandlers({ pad, events }: WaiterHandlersOptions): Handlers {
  return [
    onReply(preparation, async (outcome, { request, tx }) => {
      const { orderId, table } = request;
      switch (outcome.kind) {
        case 'reply': {
          const note = outcome.reply.cook;
          if (await pad.move(tx, orderId, { from: 'ordered', to: 'served', note })) {
            await events.publish(tx, DishServed, { orderId, table });
          }
          break;
        }
        case 'failure': {
          const note = outcome.error.rawMessage;
          await pad.move(tx, orderId, { from: 'ordered', to: 'refused', note });
          break;
        }
        case 'timeout':
          await pad.move(tx, orderId, { from: 'ordered', to: 'late' });
      }
    }),

    onAnswers(delivery, async (answers, { request, tx }) => {
      const { orderId, address } = request;
      const offers = answers.flatMap((it) => (it.kind === 'reply' ? [it.reply] : []));
      const best = cheapest(offers);
      if (best === undefined) {
        await pad.move(tx, orderId, { from: 'calling', to: 'stranded' });
        return;
      }
      const { courier } = best;
      const gone = await pad.move(tx, orderId, {
        from: 'calling',
        to: 'on its way',
        note: courier,
      });
      if (gone) await events.send(tx, Deliver, { orderId, courier, address });
    }),

    on(Menu, ({ dishes }, { tx }) => pad.setPrices(tx, dishes)),
  ];
}
