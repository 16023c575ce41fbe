import { type ClientHttp2Stream, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  OrdersServiceDefinition,
  WatchOrderRequest,
  WatchOrderResponse,
} from '../../../gen/shop/orders/v1/orders.ts';
import {
  PickOrdersRequest,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory, orders, warehouse } from '../../testing/shop-handlers.ts';
import type { Implementation } from './implementation.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Handlers {
  readonly importStock?: Implementation<typeof InventoryServiceDefinition>['importStock'];
  readonly watchOrder?: Implementation<typeof OrdersServiceDefinition>['watchOrder'];
  readonly pickOrders?: Implementation<typeof WarehouseServiceDefinition>['pickOrders'];
}

async function serve({ importStock, watchOrder, pickOrders }: Handlers): Promise<TestServer> {
  const shop = await startTestServer((server) => {
    server.add(InventoryServiceDefinition, inventory(importStock && { importStock }));
    server.add(OrdersServiceDefinition, orders(watchOrder && { watchOrder }));
    server.add(WarehouseServiceDefinition, warehouse(pickOrders && { pickOrders }));
  });
  closing.push(() => shop.close());
  return shop;
}

const paths = {
  importStock: '/shop.inventory.v1.InventoryService/ImportStock',
  watchOrder: '/shop.orders.v1.OrdersService/WatchOrder',
  pickOrders: '/shop.warehouse.v1.WarehouseService/PickOrders',
};

function call(
  { address }: TestServer,
  method: keyof typeof paths,
  headers: Record<string, string> = {},
): ClientHttp2Stream {
  const session = connect(`http://${address}`);
  closing.push(() => {
    session.destroy();
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': paths[method],
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  return stream;
}

function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function delivery(sku: string): Uint8Array {
  const request = { deliveryId: 'd-1', sku, quantity: 1, unitPrice: undefined };
  return ImportStockRequest.encode(request).finish();
}

const watch = framed(WatchOrderRequest.encode({ orderId: 'ord_1' }).finish());

/** Reads to the end: how many bytes came, and the status behind them. */
async function ended(stream: ClientHttp2Stream): Promise<{ bytes: number; status: number }> {
  let bytes = 0;
  let status = -1;
  const look = (headers: Record<string, unknown>): void => {
    if ('grpc-status' in headers) status = Number(headers['grpc-status']);
  };
  stream.on('response', look);
  stream.on('trailers', look);
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  await new Promise((resolve) => stream.once('close', resolve));
  return { bytes, status };
}

/** A moment in which nothing changes any more. */
async function settled(look: () => number): Promise<number> {
  let last = -1;
  await eventually(
    () => {
      const still = look() === last;
      last = look();
      return still;
    },
    { everyMs: 100 },
  );
  return last;
}

describe('requests of a stream', () => {
  test.each([
    ['in one piece', Number.POSITIVE_INFINITY],
    ['byte by byte', 1],
    ['cut anywhere', 13],
  ])('that come %s, with their end, are all read, and then the end', async (_how, pieceBytes) => {
    const read: string[] = [];
    const shop = await serve({
      async importStock(requests) {
        for await (const { sku } of requests) read.push(sku);
        return { articles: read.length, pieces: 0n, alreadyBooked: false };
      },
    });
    const sent = Array.from({ length: 40 }, (_, n) => `sku-${String(n)}`);
    const bytes = Buffer.concat(sent.map((sku) => framed(delivery(sku))));
    const stream = call(shop, 'importStock');
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      stream.write(bytes.subarray(at, at + pieceBytes));
    }
    stream.end();
    expect((await ended(stream)).status).toBe(0);
    expect(read).toEqual(sent);
  });

  test('stay with their sender as long as the handler does not read', async () => {
    let read = 0;
    const go = Promise.withResolvers<void>();
    const shop = await serve({
      async importStock(requests) {
        for await (const { sku } of requests) if (++read === 3 && sku !== '') await go.promise;
        return { articles: read, pieces: 0n, alreadyBooked: false };
      },
    });
    const stream = call(shop, 'importStock');
    const answer = ended(stream);
    // With a field of 1000 bytes that the server does not know.
    const padding = Buffer.concat([Buffer.from([0x7a, 0xe8, 0x07]), Buffer.alloc(1000)]);
    const message = framed(Buffer.concat([delivery('TEA'), padding]));
    let left = 0;
    for (let n = 0; n < 5000; n++) stream.write(message, () => left++);
    // Of 5 MB: the window of HTTP/2, and the buffers of the kernel and of either side.
    expect(await settled(() => left)).toBeLessThan(1000);
    go.resolve();
    stream.end();
    expect((await answer).status).toBe(0);
    expect(read).toBe(5000);
  });

  test('are given to reads that wait at the same time in the order of these', async () => {
    const order: string[] = [];
    const shop = await serve({
      async importStock(requests) {
        const reader = requests[Symbol.asyncIterator]();
        const reads = [reader.next(), reader.next(), reader.next()];
        for (const step of await Promise.all(reads)) {
          order.push(step.done === true ? 'end' : step.value.sku);
        }
        return { articles: 0, pieces: 0n, alreadyBooked: false };
      },
    });
    const stream = call(shop, 'importStock');
    stream.end(Buffer.concat([framed(delivery('one')), framed(delivery('two'))]));
    expect((await ended(stream)).status).toBe(0);
    expect(order).toEqual(['one', 'two', 'end']);
  });

  test('may be left by a handler that still has something to say', async () => {
    const shop = await serve({
      async *pickOrders(requests) {
        for await (const request of requests) {
          yield { pick: request.message && undefined };
          break;
        }
        for (let n = 0; n < 2; n++) yield await Promise.resolve({ pick: undefined });
      },
    });
    const stream = call(shop, 'pickOrders');
    const answer = ended(stream);
    const request = framed(PickOrdersRequest.encode(PickOrdersRequest.create({})).finish());
    for (let n = 0; n < 100; n++) stream.write(request);
    stream.end();
    expect(await answer).toEqual({ bytes: 15, status: 0 });
  });

  test('end for good behind one that cannot be read', async () => {
    const told: string[] = [];
    const shop = await serve({
      async importStock(requests) {
        const reader = requests[Symbol.asyncIterator]();
        for (let n = 0; n < 3; n++) {
          await reader.next().then(
            ({ done }) => told.push(done === true ? 'end' : 'message'),
            (thrown: unknown) => told.push(MeshError.from(thrown).reason ?? ''),
          );
        }
        return { articles: 0, pieces: 0n, alreadyBooked: false };
      },
    });
    const stream = call(shop, 'importStock');
    const broken = framed(Buffer.from([0x0f]));
    stream.end(Buffer.concat([framed(delivery('one')), broken, framed(delivery('three'))]));
    await ended(stream);
    expect(told).toEqual(['message', 'MALFORMED_MESSAGE', 'end']);
  });

  test('are unpacked when they say how they are packed, and INTERNAL when not', async () => {
    const read: string[] = [];
    const shop = await serve({
      async importStock(requests) {
        for await (const { sku } of requests) read.push(sku);
        return { articles: 0, pieces: 0n, alreadyBooked: false };
      },
    });
    const packed = framed(gzipSync(delivery('packed')), 1);
    const honest = call(shop, 'importStock', { 'grpc-encoding': 'gzip' });
    honest.end(Buffer.concat([packed, framed(delivery('plain')), packed]));
    expect((await ended(honest)).status).toBe(0);
    const liar = call(shop, 'importStock');
    liar.end(packed);
    expect((await ended(liar)).status).toBe(13);
    expect(read).toEqual(['packed', 'plain', 'packed']);
  });
});

describe('responses of a stream', () => {
  const big = WatchOrderResponse.create({ order: { customerId: 'x'.repeat(1000) } });

  test('wait for their reader, and what the handler does then is still part of the call', async () => {
    let yielded = 0;
    const traces = new Set<string | undefined>();
    const shop = await serve({
      async *watchOrder() {
        for (; yielded < 3000; yielded++) {
          traces.add(currentContext().trace?.traceId);
          yield big;
        }
      },
    });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const stream = call(shop, 'watchOrder', { traceparent });
    stream.end(watch);
    await new Promise((resolve) => stream.once('response', resolve));
    // Of 3 MB: the window of HTTP/2, and what may wait to leave.
    expect(await settled(() => yielded)).toBeLessThan(500);
    const { bytes, status } = await ended(stream);
    expect(status).toBe(0);
    expect(bytes).toBeGreaterThan(3_000_000);
    expect(yielded).toBe(3000);
    expect([...traces]).toEqual([traceId]);
  });

  test('that were yielded in one turn all arrive, before the error behind them', async () => {
    const shop = await serve({
      // biome-ignore lint/suspicious/useAwait: that it never waits is the point.
      async *watchOrder() {
        for (let n = 0; n < 100; n++) yield { order: undefined };
        throw new MeshError('sold out', { status: 'NOT_FOUND' });
      },
    });
    const stream = call(shop, 'watchOrder');
    stream.end(watch);
    expect(await ended(stream)).toEqual({ bytes: 500, status: 5 });
  });

  test('may come from an iterator that was written by hand, which is told when nobody reads on', async () => {
    const told: string[] = [];
    const shop = await serve({
      watchOrder: () => {
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => Promise.resolve({ done: false, value: big }),
            return: () => {
              told.push('return');
              return Promise.reject(new Error('nobody hears this'));
            },
          }),
        };
      },
    });
    const stream = call(shop, 'watchOrder');
    stream.end(watch);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.close(8);
    await eventually(() => told.length === 1);
    expect(shop.lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('of an iterator that fails without a promise end the call like any failure', async () => {
    const shop = await serve({
      watchOrder: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw new MeshError('broken', { status: 'DATA_LOSS' });
          },
        }),
      }),
    });
    const stream = call(shop, 'watchOrder');
    stream.end(watch);
    expect((await ended(stream)).status).toBe(15);
  });
});
