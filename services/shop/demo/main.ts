/**
 * `make demo`: plays the story with real calls against the running mesh, starts it if it is not up, and
 * draws each order's way to its end.
 */
import { OrderStatus } from '#gen/shop/orders/v1/orders.ts';
import { describe } from '#mesh';
import { openDemo } from './stage.ts';
import {
  available,
  notificationsAbout,
  placeOrder,
  statusText,
  watchOrder,
  workAsTerminal,
} from './story.ts';

const demo = await openDemo();
const { shop, say } = demo;
const shift = new AbortController();
const terminal = workAsTerminal(shop, shift.signal);
// A terminal that loses its connection is told at the end; meanwhile its rejection must not end the demo.
terminal.catch(() => undefined);

try {
  say.chapter('1. An order that succeeds, and is watched to the door');
  const good = await placeOrder(shop, 'tok_visa');
  say.line(`orders answered: ${statusText(good.order.status)}`);
  await watchOrder(shop, good.order.orderId, (status) => {
    say.line(`watched: ${status}`);
  });
  for (const text of await notificationsAbout(shop, good.order.orderId, 2))
    say.line(`told: ${text}`);
  await demo.draw(good.traceId, { consumed: 4 });

  say.chapter('2. A declined card: the stock is given back by an event');
  const before = await available(shop, 'TEA-GREEN');
  const declined = await placeOrder(shop, 'tok_declined');
  say.line(
    `orders answered: ${statusText(declined.order.status)} (${declined.order.declineReason})`,
  );
  await demo.until(
    'the stock is back',
    async () => (await available(shop, 'TEA-GREEN')) === before,
  );
  say.line(`green tea on the shelf: ${String(before)} before, ${String(before)} after`);
  await demo.draw(declined.traceId, { consumed: 2 });

  say.chapter('3. Notifications is down; nobody waits for it, and nothing is lost');
  await demo.weft('stop', 'notifications');
  const late = await placeOrder(shop, 'tok_visa');
  if (late.order.status !== OrderStatus.CONFIRMED && late.order.status !== OrderStatus.SHIPPED) {
    throw new Error(`the order was ${statusText(late.order.status)}`);
  }
  say.line(
    `notifications is stopped; orders answered all the same: ${statusText(late.order.status)}`,
  );
  await demo.weft('start', 'notifications');
  say.line('notifications is back');
  for (const text of await notificationsAbout(shop, late.order.orderId, 2))
    say.line(`told: ${text}`);
  await demo.draw(late.traceId, { consumed: 4 });
  shift.abort();
  await terminal;
} catch (thrown) {
  say.line(`the demo failed: ${describe(thrown)}`);
  process.exitCode = 1;
} finally {
  shift.abort();
  await demo.close();
}
