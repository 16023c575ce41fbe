import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  InventoryServiceClient,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  OrdersServiceClient,
  OrdersServiceDefinition,
} from '../../../gen/shop/orders/v1/orders.ts';
import {
  WarehouseServiceClient,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { systemClock } from '../../kernel/clock.ts';
import { runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { createSpanRing } from '../../telemetry/spans.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { inventory, orders, warehouse } from '../../testing/shop-handlers.ts';
import { protect } from '../protect.ts';

let mesh: CabledMesh;
const closing: (() => void)[] = [];
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await mesh.close();
});

describe('streams of a protected client', () => {
  test('pass as they are, and hold a slot until they end', async () => {
    const handlers = warehouse({
      async *pickOrders(requests) {
        for await (const { message } of requests) yield { pick: message && undefined };
      },
    });
    const { address } = await mesh.start(WarehouseServiceDefinition, handlers);
    const bare = new WarehouseServiceClient(address, credentials.createInsecure());
    closing.push(() => {
      bare.close();
    });
    const client = protect(bare, WarehouseServiceDefinition, { bulkhead: { maxInFlight: 1 } });
    const terminal = client.pickOrders();
    terminal.write({ message: { $case: 'ready', value: { terminalId: 't1', capacity: 1 } } });
    const read = new Promise((resolve) => terminal.once('data', resolve));
    expect(await read).toEqual({ pick: undefined });

    const surplus = client.pickOrders();
    const error = await new Promise<Error>((resolve) => {
      surplus.on('error', resolve);
      surplus.on('data', () => undefined);
    });
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });

    const ended = new Promise((resolve) => terminal.on('end', resolve));
    terminal.on('data', () => undefined);
    terminal.end();
    await ended;
    const again = client.pickOrders();
    again.end();
    again.on('data', () => undefined);
    await new Promise((resolve) => again.on('status', resolve));
  });

  test('are traced and measured as unary calls are, refused ones as well', async () => {
    const traces: string[] = [];
    const handlers = orders({
      async *watchOrder({ orderId }, { trace }) {
        traces.push(trace.traceId);
        yield { order: undefined };
        if (orderId === 'ord_lost') throw new MeshError('lost', { status: 'DATA_LOSS' });
      },
    });
    const { address } = await mesh.start(OrdersServiceDefinition, handlers);
    const bare = new OrdersServiceClient(address, credentials.createInsecure());
    closing.push(() => {
      bare.close();
    });
    const spans = createSpanRing(8);
    const telemetry = createTelemetry({ clock: systemClock, service: 'gateway', instanceId: 'g' });
    const client = protect(bare, OrdersServiceDefinition, {
      ...{ spans, metrics: telemetry.rpc, bulkhead: { maxInFlight: 1 } },
    });
    const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    const watched = (orderId: string): Promise<void> =>
      new Promise((resolve) => {
        const stream = runInContext({ trace }, () => client.watchOrder({ orderId }));
        stream.on('data', () => undefined);
        stream.on('error', () => undefined);
        stream.on('status', () => {
          resolve();
        });
      });
    await watched('ord_1');
    await Promise.all([watched('ord_lost'), watched('ord_many')]);
    expect(traces).toEqual([trace.traceId, trace.traceId]);
    const recorded = spans.ofTrace(trace.traceId);
    const statuses = recorded.map((span) => span.status);
    expect(statuses.sort()).toEqual(['DATA_LOSS', 'OK', 'RESOURCE_EXHAUSTED']);
    const good = { status: 'OK', peer: address, parentSpanId: trace.spanId };
    expect(recorded).toContainEqual(expect.objectContaining(good));
    const [measured] = telemetry.lastMinute().clients.filter(({ calls }) => calls.ended > 0);
    expect(measured).toMatchObject({ streaming: true, inFlight: 0, refused: 1 });
    expect(measured?.calls).toMatchObject({ ended: 3 });
    expect(measured?.attempts[0]?.figures.ended).toBe(2);
    await telemetry.close();
  });

  test('of requests too, with their callback', async () => {
    const { address } = await mesh.start(InventoryServiceDefinition, inventory());
    const bare = new InventoryServiceClient(address, credentials.createInsecure());
    closing.push(() => {
      bare.close();
    });
    const client = protect(bare, InventoryServiceDefinition);
    const articles = await new Promise<number>((resolve, reject) => {
      const upload = client.importStock((error, response) => {
        if (error === null) resolve(response.articles);
        else reject(error);
      });
      const request = { deliveryId: 'd-1', sku: 'TEA', quantity: 1, unitPrice: undefined };
      upload.write(request);
      upload.write(request);
      upload.end();
    });
    expect(articles).toBe(2);
  });
});
