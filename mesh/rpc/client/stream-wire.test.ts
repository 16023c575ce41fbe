import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition, WatchOrderResponse } from '../../../gen/shop/orders/v1/orders.ts';
import {
  PickOrdersRequest,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { currentContext, runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { countOf } from '../../testing/iterables.ts';
import { inventory, orders, warehouse } from '../../testing/shop-handlers.ts';
import { createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

const order = { orderId: 'ord_1' };
const delivery = ImportStockRequest.create({ deliveryId: 'd-1', sku: 'TEA', quantity: 1 });

function numbered(n: number): WatchOrderResponse {
  return WatchOrderResponse.create({ order: { orderId: `ord_${String(n)}` } });
}

async function idsOf(messages: AsyncIterable<WatchOrderResponse>, into: string[]): Promise<void> {
  for await (const message of messages) into.push(message.order?.orderId ?? '');
}

describe('responses that come in one batch', () => {
  test('all arrive before the error behind them, however slowly they are read', async () => {
    const handlers = orders({
      // biome-ignore lint/suspicious/useAwait: that it never waits is the point.
      async *watchOrder() {
        for (let n = 0; n < 200; n++) yield numbered(n);
        throw new MeshError('sold out', { status: 'NOT_FOUND', reason: 'SOLD_OUT' });
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const message of stub.watchOrder(order)) {
        seen.push(message.order?.orderId ?? '');
        await new Promise(setImmediate);
      }
    })();
    expect(await errorOf(reading)).toMatchObject({ status: 'NOT_FOUND', reason: 'SOLD_OUT' });
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => `ord_${String(n)}`));
  });

  test('are not read any more by who leaves in their middle, and the handler is told', async () => {
    let told = 0;
    const handlers = orders({
      async *watchOrder() {
        try {
          for (let n = 0; ; n++) {
            yield numbered(n);
            if (n % 50 === 0) await new Promise(setImmediate);
          }
        } finally {
          told++;
        }
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    for (const reads of [1, 7, 60]) {
      const messages = stub.watchOrder(order)[Symbol.asyncIterator]();
      for (let n = 0; n < reads; n++) await messages.next();
      await messages.return?.();
      expect(await messages.next()).toEqual({ done: true, value: undefined });
    }
    await eventually(() => told === 3);
  });

  test('go to reads that wait at the same time in their order, and the end to those behind', async () => {
    const handlers = orders({
      async *watchOrder() {
        yield await Promise.resolve(numbered(0));
        yield numbered(1);
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder(order)[Symbol.asyncIterator]();
    const steps = await Promise.all([0, 1, 2, 3].map(() => messages.next()));
    expect(steps.map((step) => (step.done === true ? 'end' : step.value.order?.orderId))).toEqual([
      'ord_0',
      'ord_1',
      'end',
      'end',
    ]);
  });
});

describe('requests', () => {
  test('are asked of their source only as fast as the server reads them', async () => {
    const go = Promise.withResolvers<void>();
    let taken = 0;
    const handlers = warehouse({
      async *pickOrders(requests) {
        await go.promise;
        for await (const { message } of requests)
          if (message === undefined) yield { pick: undefined };
      },
    });
    await mesh.start(WarehouseServiceDefinition, handlers);
    await using stub = createClient(WarehouseServiceDefinition, mesh);
    // biome-ignore lint/suspicious/useAwait: that it never waits is the point.
    async function* terminal(): AsyncGenerator<PickOrdersRequest> {
      for (; taken < 80_000; taken++) yield PickOrdersRequest.create({});
    }
    const answers = countOf(stub.pickOrders(terminal()));
    let before = -1;
    await eventually(
      () => {
        const still = taken > 0 && taken === before;
        before = taken;
        return still;
      },
      { everyMs: 100 },
    );
    // Five bytes each: the windows of HTTP/2 and what may wait to leave.
    expect(taken).toBeLessThan(40_000);
    go.resolve();
    expect(await answers).toBe(80_000);
  });

  test('arrive in their order, from a source that is always asked in the context of the call', async () => {
    const came: number[] = [];
    const handlers = inventory({
      async importStock(requests) {
        for await (const { quantity } of requests) came.push(quantity);
        return { articles: came.length, pieces: 0n, alreadyBooked: false };
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const causes = new Set<string | undefined>();
    // biome-ignore lint/suspicious/useAwait: that it never waits is the point.
    async function* deliveries(): AsyncGenerator<ImportStockRequest> {
      for (let quantity = 1; quantity <= 20_000; quantity++) {
        causes.add(currentContext().cause?.id);
        yield { ...delivery, quantity };
      }
    }
    const context = { cause: { id: 'evt_1', correlationId: 'evt_1' } };
    const answer = await runInContext(context, () => stub.importStock(deliveries()));
    expect(answer.articles).toBe(20_000);
    expect(came).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1));
    expect([...causes]).toEqual(['evt_1']);
  });

  test('may end long before the responses do', async () => {
    const handlers = warehouse({
      async *pickOrders(requests) {
        let count = 0;
        for await (const { message } of requests) count += message === undefined ? 1 : 0;
        for (; count > 0; count--) {
          await new Promise(setImmediate);
          yield { pick: undefined };
        }
      },
    });
    await mesh.start(WarehouseServiceDefinition, handlers);
    await using stub = createClient(WarehouseServiceDefinition, mesh);
    // An iterator that was written by hand, and gives its steps without a promise.
    let left = 30;
    const terminal = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          (left-- > 0
            ? { done: false, value: PickOrdersRequest.create({}) }
            : { done: true, value: undefined }) as never,
      }),
    };
    expect(await countOf(stub.pickOrders(terminal))).toBe(30);
  });
});

describe('a server that is not weft’s', () => {
  const message = Buffer.from(WatchOrderResponse.encode(numbered(7)).finish());
  let server: Http2Server | undefined;
  afterEach(() => {
    server?.close();
  });

  function framed(bytes: Uint8Array, flag = 0): Buffer {
    const prefix = Buffer.alloc(5);
    prefix[0] = flag;
    prefix.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([prefix, bytes]);
  }

  /** A client of a server that answers each stream like this, and then ends it well. */
  async function clientOf(
    headers: Record<string, string>,
    answer: (to: ServerHttp2Stream) => void,
  ) {
    const foreign = createServer();
    server = foreign;
    foreign.on('stream', (stream) => {
      stream.on('error', () => undefined);
      const type = { ':status': 200, 'content-type': 'application/grpc' };
      stream.respond({ ...type, ...headers }, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      answer(stream);
      stream.end();
    });
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    const { port } = foreign.address() as AddressInfo;
    await mesh.registry.register({
      ...{ instanceId: 'foreign', service: 'orders', host: '127.0.0.1', port, metadata: {} },
    });
    return createClient(OrdersServiceDefinition, mesh);
  }

  test('may cut its messages anywhere', async () => {
    const bytes = Buffer.concat(Array.from({ length: 40 }, () => framed(message)));
    await using stub = await clientOf({}, (to) => {
      for (let at = 0; at < bytes.length; at += 3) to.write(bytes.subarray(at, at + 3));
    });
    const seen: string[] = [];
    await idsOf(stub.watchOrder(order), seen);
    expect(seen).toEqual(Array.from({ length: 40 }, () => 'ord_7'));
  });

  test('may pack them if it says how', async () => {
    await using stub = await clientOf({ 'grpc-encoding': 'gzip' }, (to) => {
      to.write(Buffer.concat([framed(gzipSync(message), 1), framed(message)]));
    });
    const seen: string[] = [];
    await idsOf(stub.watchOrder(order), seen);
    expect(seen).toEqual(['ord_7', 'ord_7']);
  });

  test('is at fault with one that is packed without a word of it, or larger than is taken', async () => {
    const packed = framed(gzipSync(message), 1);
    const huge = Buffer.from([0, 0x7f, 0, 0, 0]);
    for (const [bytes, status] of [
      [packed, 'INTERNAL'],
      [huge, 'RESOURCE_EXHAUSTED'],
    ] as const) {
      await using stub = await clientOf({}, (to) =>
        to.write(Buffer.concat([framed(message), bytes])),
      );
      const seen: string[] = [];
      expect((await errorOf(idsOf(stub.watchOrder(order), seen))).status).toBe(status);
      server?.close();
    }
  });
});
