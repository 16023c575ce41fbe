import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OrderConfirmed, OrderDeclined } from '../../gen/shop/orders/v1/events.ts';
import { systemClock } from '../kernel/clock.ts';
import { currentContext, runInContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import { createRig, declined, listen, type Rig } from '../testing/events-rig.ts';
import { eventually } from '../testing/eventually.ts';
import type { Bus } from './bus/bus.ts';
import { createMemoryBus } from './bus/memory.ts';
import { on } from './consume/handler.ts';

const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const unavailable = new MeshError('payments is away', { status: 'UNAVAILABLE' });

let bus: Bus;
let rig: Rig;
beforeEach(async () => {
  bus = createMemoryBus({ clock: systemClock });
  rig = await createRig({ bus });
  rig.events.start();
});
afterEach(async () => {
  await rig.close();
  await bus.close();
});

test('the span of a handler is a child of the span that published', async () => {
  let inside = currentContext();
  let failed = false;
  await rig.hear(async () => {
    inside = currentContext();
    if (failed) return;
    failed = true;
    throw new Error('once');
  });
  await runInContext({ trace }, () => rig.confirm('order-1'));
  await rig.hasEffects('order-1');
  const [producer, ...consumers] = rig.spans.ofTrace(trace.traceId);
  const name = 'shop.orders.v1.OrderConfirmed';
  expect(producer).toMatchObject({
    ...{ kind: 'producer', name, peer: 'shop-orders', status: 'OK' },
    parentSpanId: trace.spanId,
  });
  const parentSpanId = producer?.spanId;
  expect(consumers).toMatchObject([
    { kind: 'consumer', name, peer: 'warehouse', status: 'UNKNOWN', attempts: 1, parentSpanId },
    { kind: 'consumer', name, peer: 'warehouse', status: 'OK', attempts: 2, parentSpanId },
  ]);
  expect(inside.trace?.spanId).toBe(consumers[1]?.spanId);
  expect(inside.deadline).toBeDefined();
});

test('the span of a dead letter says so', async () => {
  await rig.hear(() => Promise.reject(new Error('never')), { maxDeliveries: 1 });
  await runInContext({ trace }, () => rig.confirm('order-1'));
  await eventually(() => rig.spans.ofTrace(trace.traceId).length === 2);
  expect(rig.spans.ofTrace(trace.traceId)[1]?.status).toBe('DEAD_LETTERED');
});

test('close finishes what runs, gives back what waits, and sends what is left', async () => {
  const other = await createRig({ bus });
  const release = Promise.withResolvers<undefined>();
  let begun = 0;
  const subscription = await other.events.subscribe({
    ...{ consumer: 'warehouse', concurrency: 1 },
    handlers: [
      on(OrderConfirmed, async ({ orderId }, { tx }) => {
        begun++;
        await release.promise;
        await other.effect(tx, orderId);
        await other.events.publish(tx, OrderDeclined, declined(orderId));
      }),
    ],
  });
  other.events.start();
  await rig.confirm('order-1');
  await rig.confirm('order-2');
  const sent = listen(bus, 'shop-orders', 'shop-orders.OrderDeclined');
  await eventually(() => begun === 1);
  const closed = other.events.close();
  release.resolve(undefined);
  await closed;
  expect(subscription.state).toBe('closed');
  expect(await other.effects()).toEqual(['order-1']);
  await eventually(() => sent.length === 1);
  await rig.hear();
  await rig.hasEffects('order-2');
  await other.store.close();
});

test('close in an outage does not wait for its end', async () => {
  const other = await createRig({ bus });
  const subscription = await other.events.subscribe({
    ...{ consumer: 'warehouse', pauseMs: 60_000 },
    handlers: [on(OrderConfirmed, () => Promise.reject(unavailable))],
  });
  await rig.confirm('order-1');
  await eventually(() => subscription.state === 'paused');
  const start = systemClock.monotonic();
  await other.close();
  expect(systemClock.monotonic() - start).toBeLessThan(20_000);
  await rig.hear();
  await rig.hasEffects('order-1');
});
