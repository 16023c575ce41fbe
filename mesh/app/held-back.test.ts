import { afterEach, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { onRepeatable } from '../events/consume/handler.ts';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { StubOptions } from '../rpc/client/options.ts';
import { confirmed } from '../testing/events-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../testing/in-process.ts';
import { inventory } from '../testing/shop-handlers.ts';
import { type AppTools, implement } from './options.ts';

// What guards the calls to a target guards it from consumers too: their handlers call it with the same stub.
let mesh: InProcessMesh;
afterEach(() => mesh.close());

interface Called {
  calls: number;
  now: number;
  most: number;
  down: boolean;
}

/** An inventory, and a warehouse that asks it about every order that it hears of. */
async function start(stub: StubOptions<InventoryServiceDefinition>, workMs = 0) {
  mesh = createInProcessMesh();
  const called: Called = { calls: 0, now: 0, most: 0, down: false };
  const stock = inventory();
  await mesh.start({
    name: 'inventory',
    build: () => ({
      services: [
        implement(InventoryServiceDefinition, {
          ...stock,
          async getStock(request, context) {
            called.calls++;
            called.most = Math.max(called.most, ++called.now);
            await systemClock.sleep(workMs);
            called.now--;
            if (called.down) throw new MeshError('away', { status: 'UNAVAILABLE' });
            return stock.getStock(request, context);
          },
        }),
      ],
    }),
  });
  const effects: string[] = [];
  const opened: AppTools<unknown>[] = [];
  await mesh.start({
    name: 'warehouse',
    build(tools) {
      opened.push(tools);
      const peer = tools.client(InventoryServiceDefinition, stub);
      // Without an inbox, for on SQLite a handler with a transaction runs alone.
      const handler = onRepeatable(OrderConfirmed, async ({ orderId }) => {
        await peer.getStock({ sku: 'A' });
        effects.push(orderId);
      });
      const tuning = { inbox: false, pauseMs: 50, concurrency: 16 } as const;
      return { services: [], consumer: { handlers: [handler], ...tuning } };
    },
  });
  const confirm = (ids: readonly string[]): Promise<void> =>
    opened[0]?.store.transaction(async (tx) => {
      for (const id of ids) await opened[0]?.events.publish(tx, OrderConfirmed, confirmed(id));
    }) ?? Promise.resolve();
  const letters = async (): Promise<unknown> => opened[0]?.events.deadLetters.waiting();
  return { called, effects, confirm, letters };
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `o-${String(i)}`);

test('while the breaker of a target is open its consumers wait, hardly ask it, give nothing up, and go on when it closes', async () => {
  const breaker = { openMs: 300, maxOpenMs: 300 };
  const { called, effects, confirm, letters } = await start({ breaker, retry: { attempts: 1 } });
  called.down = true;
  await confirm(ids(40));
  await eventually(() => called.calls > 0);
  await systemClock.sleep(1_000);
  const meanwhile = called.calls;
  // Seven in a row open it, sixteen may be on their way by then; after that a probe each 300 ms.
  expect(meanwhile).toBeLessThan(30);
  expect(effects).toEqual([]);
  called.down = false;
  await eventually(() => effects.length === 40, { withinMs: 20_000 });
  expect([...effects].sort()).toEqual(ids(40).sort());
  expect(await letters()).toEqual(new Map());
});

test('a full bulkhead of a target lets fewer handlers run, and nothing is given up', async () => {
  const bulkhead = { maxInFlight: 2 };
  const { called, effects, confirm, letters } = await start({ bulkhead }, 5);
  await confirm(ids(60));
  await eventually(() => effects.length === 60, { withinMs: 20_000 });
  expect(called.most).toBe(2);
  expect([...effects].sort()).toEqual(ids(60).sort());
  expect(await letters()).toEqual(new Map());
});
