import { afterEach, expect, test } from '@jest/globals';
import {
  type GetStockResponse,
  InventoryServiceDefinition,
} from '../../gen/shop/inventory/v1/inventory.ts';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { on } from '../events/consume/handler.ts';
import { currentContext, runInContext } from '../kernel/context.ts';
import { withBaggage } from '../kernel/with-baggage.ts';
import type { HandlerContext } from '../rpc/server/implementation.ts';
import { confirmed } from '../testing/events-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../testing/in-process.ts';
import { inventory } from '../testing/shop-handlers.ts';
import { implement } from './options.ts';

let mesh: InProcessMesh;
afterEach(() => mesh.close());

const trace = {
  ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
  ...{ state: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', flags: 0 },
};
const baggage = new Map([
  ['tenant', { value: 'Amélie, 100%', properties: 'ttl=60' }],
  ['session', { value: '7' }],
]);

/**
 * first ─call─▶ second ─outbox, event─▶ third ─call─▶ last: each has the contract of an inventory, and second
 * sets a member of its own before it publishes.
 */
async function startAll(seen: HandlerContext[]): Promise<() => Promise<GetStockResponse>> {
  const stock = inventory();
  const last = await mesh.start({
    name: 'last',
    build: () => ({
      services: [
        implement(InventoryServiceDefinition, {
          ...stock,
          getStock(request, context) {
            seen.push(context);
            return stock.getStock(request, context);
          },
        }),
      ],
    }),
  });
  const atLast = mesh.client(InventoryServiceDefinition, last.endpoint);
  const ask = async (): Promise<void> => {
    await atLast.getStock({ sku: 'A' });
  };
  await mesh.start({
    name: 'third',
    build: () => ({
      services: [],
      consumer: {
        handlers: [on(OrderConfirmed, ask)],
      },
    }),
  });
  const second = await mesh.start({
    name: 'second',
    build: ({ store, events }) => ({
      services: [
        implement(InventoryServiceDefinition, {
          ...stock,
          async getStock(request, context) {
            await withBaggage({ step: 'confirm', session: undefined }, () =>
              store.transaction((tx) => events.publish(tx, OrderConfirmed, confirmed('order-1'))),
            );
            // What was set for a part of the work is gone behind it.
            expect(currentContext().baggage).toBe(context.baggage);
            return stock.getStock(request, context);
          },
        }),
      ],
    }),
  });
  const atSecond = mesh.client(InventoryServiceDefinition, second.endpoint);
  return () => atSecond.getStock({ sku: 'B' });
}

test.each([
  ['on lanes', true],
  ['plainly', false],
])(
  'tracestate and baggage go from call to outbox to event to handler to call, %s',
  async (_, lane) => {
    mesh = createInProcessMesh({ lane });
    const seen: HandlerContext[] = [];
    const call = await startAll(seen);
    // The first calls to an endpoint go plainly, until there is a lane.
    for (let calls = 1; calls <= 3; calls++) {
      await runInContext({ trace, baggage }, call);
      await eventually(() => seen.length === calls);
    }
    const { tenant, ...added } = { tenant: baggage.get('tenant'), step: { value: 'confirm' } };
    for (const context of seen) {
      expect(context.trace).toEqual({ ...trace, spanId: context.trace.spanId });
      expect(context.baggage).toEqual(new Map(Object.entries({ ...added, tenant })));
    }
    expect(new Set(seen.map(({ trace: { spanId } }) => spanId)).size).toBe(3);
  },
);

test('a caller that brings neither has nothing there but what was set on the way', async () => {
  mesh = createInProcessMesh();
  const seen: HandlerContext[] = [];
  const call = await startAll(seen);
  await call();
  await eventually(() => seen.length === 1);
  expect(Object.keys(seen[0]?.trace ?? {})).toEqual(['traceId', 'spanId']);
  expect(seen[0]?.baggage).toEqual(new Map([['step', { value: 'confirm' }]]));
});
