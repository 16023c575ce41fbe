import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceClient,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  GetOrderRequest,
  OrdersServiceClient,
  OrdersServiceDefinition,
} from '../../../gen/shop/orders/v1/orders.ts';
import {
  PickOrdersRequest,
  WarehouseServiceClient,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { eventually } from '../../testing/eventually.ts';
import { cutOff } from '../cut-off.ts';
import type { MeshServer } from './server.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let shop: TestServer;
/** What the handlers went through, in order. */
const story: string[] = [];
let produced = 0;

const unused = (): Promise<never> => Promise.reject(new Error('not called in this test'));

/** Waits until the signal of the running work aborts, and throws its reason. */
function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

function tell(what: string, thrown: unknown): void {
  const { status: name, reason } = MeshError.from(thrown);
  story.push(`${what}: ${name} ${reason ?? ''}`);
}

beforeAll(async () => {
  const add = (server: MeshServer): void => {
    server.add(OrdersServiceDefinition, {
      placeOrder: unused,
      async getOrder(_request, { signal }) {
        story.push('begun');
        // What a client called from here would look at: the same signal, without being told.
        expect(currentContext().signal).toBe(signal);
        return await untilAborted(signal).catch((thrown: unknown) => {
          tell('unary', thrown);
          throw thrown;
        });
      },
      async *watchOrder({ orderId }, { signal }) {
        try {
          if (orderId === 'quiet') {
            yield { order: undefined };
            await untilAborted(signal);
          }
          const order = { lines: [] };
          for (;;) {
            produced++;
            yield { order: { ...emptyOrder, ...order, declineReason: 'x'.repeat(16_384) } };
          }
        } catch (thrown) {
          tell('watch', thrown);
          throw thrown;
        } finally {
          story.push('watch finally');
        }
      },
    });
    server.add(InventoryServiceDefinition, {
      reserve: unused,
      getStock: unused,
      async importStock(requests) {
        story.push('begun');
        let articles = 0;
        try {
          for await (const { quantity } of requests) articles += quantity;
        } catch (thrown) {
          tell(`import after ${String(articles)}`, thrown);
          throw thrown;
        }
        return { articles, pieces: 0n, alreadyBooked: false };
      },
    });
    server.add(WarehouseServiceDefinition, {
      getPick: unused,
      async *pickOrders(requests) {
        try {
          for await (const { message } of requests) if (message) yield { pick: undefined };
        } catch (thrown) {
          tell('picks', thrown);
          throw thrown;
        } finally {
          story.push('picks finally');
        }
      },
    });
  };
  // Far longer than any machine is busy: here it is about what happens, not how fast.
  shop = await startTestServer(add, { resetGraceMs: 5000 });
});

const emptyOrder = {
  orderId: '',
  customerId: '',
  status: 0,
  total: undefined,
  createdAt: undefined,
  updatedAt: undefined,
} as const;

afterAll(() => shop.close());

beforeEach(() => {
  story.length = 0;
  shop.spans.length = 0;
  shop.lines.length = 0;
});

/** GetOrder over bare HTTP/2: a client that does nothing but what it is told. */
function rawGetOrder(headers: OutgoingHttpHeaders): {
  session: ClientHttp2Session;
  answered: Promise<unknown>;
} {
  const session = connect(`http://${shop.address}`);
  const request = session.request({
    ':method': 'POST',
    ':path': '/shop.orders.v1.OrdersService/GetOrder',
    'content-type': 'application/grpc',
    ...headers,
  });
  request.on('error', () => undefined);
  const answered = new Promise((resolve) => {
    request.on('response', (answer) => {
      resolve(answer['grpc-status']);
    });
  });
  const message = GetOrderRequest.encode({ orderId: 'ord_1' }).finish();
  request.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  return { session, answered };
}

describe('a caller that gives up', () => {
  test('aborts the signal of a unary handler; the span says CANCELLED and the log is quiet', async () => {
    const client = shop.client(OrdersServiceClient);
    const call = client.getOrder({ orderId: 'ord_1' }, () => undefined);
    await eventually(() => story.includes('begun'));
    call.cancel();
    await eventually(() => story.includes('unary: CANCELLED CALLER_GONE'));
    await eventually(() => shop.spans.length === 1);
    expect(shop.spans[0]?.status).toBe('CANCELLED');
    expect(shop.lines).toEqual([]);
  });

  test('by its deadline is told apart from one that cancels', async () => {
    // Without a timer of the client's own, so that it is the server's that ends the call.
    const { answered, session } = rawGetOrder({ 'grpc-timeout': '100m' });
    expect(await answered).toBe(String(status.DEADLINE_EXCEEDED));
    await eventually(() => story.includes('unary: DEADLINE_EXCEEDED DEADLINE_PASSED'));
    session.destroy();
  });

  test('by losing its connection is noticed as well', async () => {
    const { session } = rawGetOrder({});
    await eventually(() => story.includes('begun'));
    session.destroy();
    await eventually(() => story.includes('unary: CANCELLED CALLER_GONE'));
  });

  test('ends a generator that waits, and one that has just yielded', async () => {
    const client = shop.client(OrdersServiceClient);
    const quiet = client.watchOrder({ orderId: 'quiet' });
    quiet.on('error', () => undefined);
    quiet.once('data', () => {
      quiet.cancel();
    });
    await eventually(() => story.includes('watch finally'));
    expect(story[0]).toBe('watch: CANCELLED CALLER_GONE');

    story.length = 0;
    const busy = client.watchOrder({ orderId: 'busy' });
    busy.on('error', () => undefined);
    busy.once('data', () => {
      busy.cancel();
    });
    // Suspended at its yield, it is returned: its finally runs, and no error is made for it.
    await eventually(() => story.includes('watch finally'));
    expect(story).toEqual(['watch finally']);
  });

  test('makes the requests of a client stream throw CANCELLED', async () => {
    const client = shop.client(InventoryServiceClient);
    const call = client.importStock(() => undefined);
    for (const quantity of [1, 2, 3]) {
      call.write({ deliveryId: 'd-1', sku: 'sku', quantity, unitPrice: undefined });
    }
    await eventually(() => story.includes('begun'));
    call.cancel();
    await eventually(() => story.some((line) => line.startsWith('import')));
    expect(story[1]).toMatch(/^import after \d+: CANCELLED CALLER_GONE$/);
  });

  test('ends both directions of a bidi stream', async () => {
    const call = shop.client(WarehouseServiceClient).pickOrders();
    call.on('error', () => undefined);
    call.once('data', () => {
      call.cancel();
    });
    const value = { orderId: 'ord_1' };
    call.write(PickOrdersRequest.create({ message: { $case: 'packed', value } }));
    await eventually(() => story.includes('picks finally'));
    expect(story[0]).toBe('picks: CANCELLED CALLER_GONE');
  });
});

describe('a reader that is slow', () => {
  test('slows the generator down, instead of filling the memory', async () => {
    produced = 0;
    const stream = shop.client(OrdersServiceClient).watchOrder({ orderId: 'busy' });
    stream.on('error', () => undefined);
    stream.once('readable', () => undefined);
    await eventually(() => produced > 0);
    let last = -1;
    await eventually(
      () => {
        const settled = produced === last;
        last = produced;
        return settled;
      },
      { everyMs: 100 },
    );
    // 16 messages in grpc-js on either side, and the windows of HTTP/2.
    expect(produced).toBeLessThan(100);
    stream.cancel();
    await eventually(() => story.includes('watch finally'));
  });
});

describe('a stream of requests that its client gives up half-way', () => {
  test('throws before its end can be mistaken for completeness', async () => {
    const same = (bytes: Buffer): Buffer => bytes;
    const path = '/shop.inventory.v1.InventoryService/ImportStock';
    const client = shop.client(InventoryServiceClient);
    const error = await new Promise<ServiceError>((resolve) => {
      const none = new Metadata();
      const call = client.makeClientStreamRequest(path, same, same, none, (thrown) => {
        if (thrown) resolve(thrown);
      });
      const first = { deliveryId: 'd-1', sku: 'sku', quantity: 7, unitPrice: undefined };
      call.write(Buffer.from(ImportStockRequest.encode(first).finish()));
      call.write(cutOff);
      call.end();
    });
    expect(error.code).toBe(status.CANCELLED);
    expect(story).toEqual(['begun', 'import after 7: CANCELLED CALLER_GONE']);
  });
});
