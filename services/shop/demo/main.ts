/** The shop's demo: real calls against the running mesh, each order's way drawn to its end. */
import { OrderStatus } from '#gen/shop/orders/v1/orders.ts';
import { play } from '../../stage/stage.ts';
import {
  available,
  notificationsAbout,
  placeOrder,
  shopOn,
  statusText,
  watchOrder,
  workAsTerminal,
} from './story.ts';

await play('shop', async (stage) => {
  const { say, until, weft, draw } = stage;
  const shop = shopOn(stage);
  const shift = new AbortController();
  const terminal = workAsTerminal(shop, shift.signal);
  // A terminal that loses its connection is told at the end; meanwhile its rejection must not end the demo.
  terminal.catch(() => undefined);

  try {
    say.chapter('1. An order that succeeds, and is watched to the door');
    const good = await placeOrder(shop, 'tok_visa');
    say.line(`orders answered: ${statusText(good.result.status)}`);
    await watchOrder(shop, good.result.orderId, (status) => {
      say.line(`watched: ${status}`);
    });
    for (const text of await notificationsAbout(shop, good.result.orderId, 2))
      say.line(`told: ${text}`);
    await draw(good.traceId, { consumed: 4 });

    say.chapter('2. A declined card: the stock is given back by an event');
    const before = await available(shop, 'TEA-GREEN');
    const declined = await placeOrder(shop, 'tok_declined');
    say.line(
      `orders answered: ${statusText(declined.result.status)} (${declined.result.declineReason})`,
    );
    await until('the stock is back', async () => (await available(shop, 'TEA-GREEN')) === before);
    say.line(`green tea on the shelf: ${String(before)} before, ${String(before)} after`);
    await draw(declined.traceId, { consumed: 2 });

    say.chapter('3. Notifications is down; nobody waits for it, and nothing is lost');
    await weft('stop', 'notifications');
    const late = await placeOrder(shop, 'tok_visa');
    if (
      late.result.status !== OrderStatus.CONFIRMED &&
      late.result.status !== OrderStatus.SHIPPED
    ) {
      throw new Error(`the order was ${statusText(late.result.status)}`);
    }
    say.line(
      `notifications is stopped; orders answered all the same: ${statusText(late.result.status)}`,
    );
    await weft('start', 'notifications');
    say.line('notifications is back');
    for (const text of await notificationsAbout(shop, late.result.orderId, 2))
      say.line(`told: ${text}`);
    await draw(late.traceId, { consumed: 4 });
    shift.abort();
    await terminal;
  } finally {
    shift.abort();
  }
});
