import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceDefinition,
  type ReserveRequest,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition, WatchOrderResponse } from '../../../gen/shop/orders/v1/orders.ts';
import {
  type PickOrdersRequest,
  PickOrdersResponse,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import type { Metadata } from '../../kernel/call.ts';
import { runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { createSpanRing } from '../../telemetry/spans.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { firstOf } from '../../testing/iterables.ts';
import { inventory, orders, warehouse } from '../../testing/shop-handlers.ts';
import { closeClient, createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

const tea = { sku: 'TEA-GREEN' };

function delivery(quantity: number): ImportStockRequest {
  return ImportStockRequest.create({ deliveryId: 'd-1', sku: 'TEA-GREEN', quantity });
}

describe('the four kinds of call', () => {
  test('unary: a promise', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    expect((await stub.getStock(tea)).item).toMatchObject({ sku: 'TEA-GREEN', available: 3n });
  });

  test('server stream: an async iterable', async () => {
    const handlers = orders({
      async *watchOrder({ orderId }) {
        for (const status of [1, 2, 4] as const) {
          yield await Promise.resolve(WatchOrderResponse.create({ order: { orderId, status } }));
        }
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const seen = [];
    for await (const { order } of stub.watchOrder({ orderId: 'ord_1' })) seen.push(order?.status);
    expect(seen).toEqual([1, 2, 4]);
  });

  test('client stream: takes an async iterable, gives a promise', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    async function* deliveries(): AsyncGenerator<ImportStockRequest> {
      for (let quantity = 1; quantity <= 100; quantity++)
        yield await Promise.resolve(delivery(quantity));
    }
    expect(await stub.importStock(deliveries())).toMatchObject({ articles: 100, pieces: 5050n });
  });

  test('bidirectional: answers follow requests, both open', async () => {
    const handlers = warehouse({
      async *pickOrders(requests) {
        for await (const { message } of requests) {
          if (message?.$case === 'packed') {
            yield PickOrdersResponse.create({ pick: { orderId: message.value.orderId } });
          }
        }
      },
    });
    await mesh.start(WarehouseServiceDefinition, handlers);
    await using stub = createClient(WarehouseServiceDefinition, mesh);
    const said: string[] = [];
    async function* terminal(): AsyncGenerator<PickOrdersRequest> {
      for (const orderId of ['a', 'b', 'c']) {
        // The answer to each is read before the next is sent.
        said.push(`packed ${orderId}`);
        yield { message: { $case: 'packed', value: { orderId } } };
        while (!said.includes(`pick ${orderId}`)) await new Promise(setImmediate);
      }
    }
    for await (const { pick } of stub.pickOrders(terminal()))
      said.push(`pick ${pick?.orderId ?? ''}`);
    expect(said).toEqual(['packed a', 'pick a', 'packed b', 'pick b', 'packed c', 'pick c']);
  });
});

describe('beside the messages', () => {
  test('metadata goes there, headers and trailers come back', async () => {
    const handlers = inventory({
      getStock(_request, context) {
        context.setHeader('shelf', String(context.metadata['aisle']));
        context.setTrailer('proof-bin', new Uint8Array([1, 2, 3]));
        return Promise.resolve({ item: undefined });
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const got: Metadata[] = [];
    const keep = (metadata: Metadata): void => {
      got.push(metadata);
    };
    await stub.getStock(tea, { metadata: { aisle: '7' }, onHeader: keep, onTrailer: keep });
    expect(got[0]).toMatchObject({ shelf: '7' });
    expect(got[1]?.['proof-bin']).toEqual(Buffer.from([1, 2, 3]));
  });

  test('a callback for metadata that throws fails the call, not the process', async () => {
    const handlers = inventory({
      getStock(_request, context) {
        context.setHeader('shelf', '7');
        return Promise.resolve({ item: undefined });
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const onHeader = (): void => {
      throw new Error('the shelf fell down');
    };
    expect((await errorOf(stub.getStock(tea, { onHeader }))).message).toContain('fell down');
    const onTrailer = onHeader;
    expect((await errorOf(stub.getStock(tea, { onTrailer }))).message).toContain('fell down');
  });

  test('metadata that cannot travel is refused before anything is sent', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const error = await errorOf(stub.getStock(tea, { metadata: { 'grpc-timeout': '1S' } }));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_METADATA' });
  });
});

describe('the trace', () => {
  test('goes on from the caller to the handler, through a span of the client', async () => {
    const ring = createSpanRing(16);
    const { address } = await mesh.start(InventoryServiceDefinition, inventory(), { spans: ring });
    await using stub = createClient(InventoryServiceDefinition, { ...mesh, spans: ring });
    const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    await runInContext({ trace }, () => stub.getStock(tea));
    const spans = ring.ofTrace(trace.traceId);
    const client = spans.find((span) => span.kind === 'client');
    const server = spans.find((span) => span.kind === 'server');
    const name = 'shop.inventory.v1.InventoryService/GetStock';
    expect(client).toMatchObject({ name, parentSpanId: trace.spanId, status: 'OK', attempts: 1 });
    expect(client?.peer).toBe(address);
    expect(server).toMatchObject({ name, parentSpanId: client?.spanId });
  });

  test('shows a stream once it has ended, and how', async () => {
    const ring = createSpanRing(16);
    const handlers = orders({
      async *watchOrder() {
        for (;;) yield await Promise.resolve({ order: undefined });
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, { ...mesh, spans: ring });
    const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    const watching = runInContext({ trace }, () => stub.watchOrder({ orderId: 'ord_1' }));
    await firstOf(watching);
    expect(ring.ofTrace(trace.traceId)).toMatchObject([{ kind: 'client', status: 'CANCELLED' }]);
  });
});

describe('an error', () => {
  test('is the one of the handler: status, reason and details, with method, endpoint and attempt', async () => {
    const handlers = inventory({
      getStock: ({ sku }) =>
        Promise.reject(
          new MeshError(`article ${sku} is not known`, {
            status: 'NOT_FOUND',
            reason: 'UNKNOWN_SKU',
            details: { facts: { sku } },
          }),
        ),
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const error = await errorOf(stub.getStock(tea));
    expect(error).toMatchObject({ status: 'NOT_FOUND', reason: 'UNKNOWN_SKU' });
    expect(error.message).toBe(
      `[not_found] shop.inventory.v1.InventoryService/GetStock at ${address}: article TEA-GREEN is not known`,
    );
    expect(error.details.facts).toEqual({
      sku: 'TEA-GREEN',
      service: 'shop.inventory.v1.InventoryService',
      method: 'GetStock',
      endpoint: address,
      attempts: '1',
    });
  });

  test('names the fields that break a rule', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const error = await errorOf(stub.getStock({ sku: '' }));
    expect(error.status).toBe('INVALID_ARGUMENT');
    expect(error.details.violations).toMatchObject([{ field: 'sku', reason: 'REQUIRED' }]);
  });

  test('a stream throws it to its reader, after the messages that came before', async () => {
    const handlers = orders({
      async *watchOrder() {
        yield { order: undefined };
        yield await Promise.resolve({ order: undefined });
        throw new MeshError('the order is gone', { status: 'NOT_FOUND' });
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder({ orderId: 'ord_1' })[Symbol.asyncIterator]();
    expect((await messages.next()).done).toBe(false);
    expect((await messages.next()).done).toBe(false);
    expect(await errorOf(messages.next())).toMatchObject({ status: 'NOT_FOUND' });
  });

  test('a request over the limit, or of another shape, is refused before anything is sent', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const big = await errorOf(stub.getStock({ sku: 'x'.repeat(2 * 1024 * 1024) }));
    expect(big).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'REQUEST_TOO_LARGE' });
    expect(big.message).toContain('2097157 bytes and the limit is 1048576');
    const wrong: unknown = { orderId: 'ord_1' };
    const unencodable = await errorOf(stub.reserve(wrong as ReserveRequest));
    expect(unencodable).toMatchObject({
      status: 'INVALID_ARGUMENT',
      reason: 'UNENCODABLE_REQUEST',
    });
  });
});

describe('closing a client', () => {
  test('lets unary calls finish, cancels streams, takes no new calls, releases its sockets', async () => {
    const finish = Promise.withResolvers<void>();
    const handlers = orders({
      getOrder: () => finish.promise.then(() => ({ order: undefined })),
      async *watchOrder() {
        yield { order: undefined };
        await new Promise(() => undefined);
      },
    });
    const { cable } = await mesh.start(OrdersServiceDefinition, handlers);
    const stub = createClient(OrdersServiceDefinition, mesh);
    const stream = stub.watchOrder({ orderId: 'ord_1' })[Symbol.asyncIterator]();
    await stream.next();
    const waiting = stream.next();
    const unary = stub.getOrder({ orderId: 'ord_1' });
    expect(cable.connections).toBe(1);
    await new Promise(setImmediate);
    const closed = closeClient(stub);
    expect(await errorOf(waiting)).toMatchObject({ status: 'CANCELLED', reason: 'CLIENT_CLOSED' });
    const late = await errorOf(stub.getOrder({ orderId: 'ord_1' }));
    expect(late).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'CLIENT_CLOSED' });
    finish.resolve();
    await expect(unary).resolves.toEqual({ order: undefined });
    await closed;
    await closeClient(stub);
    while (cable.connections > 0) await new Promise(setImmediate);
  });

  test('a client that was never used closes too', async () => {
    await closeClient(createClient(OrdersServiceDefinition, mesh));
  });

  test('a name that is no service name is refused at once', () => {
    const options = { ...mesh, target: 'No/Such' };
    expect(() => createClient(OrdersServiceDefinition, options)).toThrow('is not a service name');
  });
});
