/** The bistro's demo: an order by every style in which services speak to each other, with and without the kitchen. */
import { CouriersServiceDefinition } from '#gen/bistro/couriers/v1/couriers.ts';
import { KitchenServiceDefinition } from '#gen/bistro/kitchen/v1/kitchen.ts';
import { type Order, OrderState, WaiterServiceDefinition } from '#gen/bistro/waiter/v1/waiter.ts';
import { MeshError } from '#mesh';
import { play } from '../../stage/stage.ts';

await play('bistro', async ({ say, client, until, weft, draw, traced, random }) => {
  const waiter = client(WaiterServiceDefinition);
  const kitchen = client(KitchenServiceDefinition);
  const couriers = client(CouriersServiceDefinition);
  const run = random.hex(4);
  const orderOf = async (orderId: string): Promise<Order> => {
    const { order } = await waiter.getOrder({ orderId });
    if (order === undefined) throw new MeshError(`no order ${orderId}`, { status: 'INTERNAL' });
    return order;
  };
  const reaches = async (orderId: string, state: OrderState): Promise<Order> => {
    await until(`${orderId} is ${stateText(state)}`, async () => {
      return (await orderOf(orderId)).state === state;
    });
    return orderOf(orderId);
  };

  say.chapter('1. Asked and waited for: a taste of the soup');
  const { result: taste, traceId: tasting } = await traced(() =>
    waiter.tasteDish({ dish: 'soup' }),
  );
  say.line(`${taste.cook} brought it`);
  await draw(tasting, { consumed: 1 });

  say.chapter('2. Asked and not waited for: an order for table three');
  const first = `soup-${run}`;
  const { traceId: taking } = await traced(() =>
    waiter.takeOrder({ orderId: first, table: 'three', dish: 'soup' }),
  );
  const { note, priceCents } = await reaches(first, OrderState.SERVED);
  say.line(`served, cooked by ${note}, ${priceCents} cents by the menu that the waiter has heard`);
  await draw(taking, { consumed: 3 });
  const caviar = `caviar-${run}`;
  await waiter.takeOrder({ orderId: caviar, table: 'three', dish: 'caviar' });
  say.line(`caviar is refused: ${(await reaches(caviar, OrderState.REFUSED)).note}`);

  say.chapter('3. The kitchen is away: the question waits for it');
  await weft('stop', 'kitchen');
  const late = `pasta-${run}`;
  await waiter.takeOrder({ orderId: late, table: 'four', dish: 'pasta' });
  say.line(`the kitchen is stopped; the order is ${stateText((await orderOf(late)).state)}`);
  await weft('start', 'kitchen');
  say.line(`the kitchen is back; cooked by ${(await reaches(late, OrderState.SERVED)).note}`);
  await until('the kitchen has heard that it was served', async () => {
    const { dishes } = await kitchen.listCooked({});
    return dishes.some(({ orderId, served }) => orderId === late && served);
  });
  say.line('and it has heard that the pasta was served');

  say.chapter('4. Everybody is asked for an offer; the cheapest is told to go');
  const { traceId: sending } = await traced(() =>
    waiter.sendHome({ orderId: first, address: 'Main Street 1' }),
  );
  say.line(`on its way with ${(await reaches(first, OrderState.ON_ITS_WAY)).note}`);
  await until('the trip is written down', async () => {
    const { trips } = await couriers.listTrips({});
    return trips.some(({ orderId }) => orderId === first);
  });
  await draw(sending, { consumed: 3 });
});

function stateText(state: OrderState): string {
  const entry = Object.entries(OrderState).find(([, value]) => value === state);
  return entry?.[0].toLowerCase().replaceAll('_', ' ') ?? 'unknown';
}
