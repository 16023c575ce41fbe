import { promisify } from 'node:util';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type GetStockRequest,
  type GetStockResponse,
  InventoryServiceClient,
  InventoryServiceDefinition,
} from '../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceClient, OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import { systemClock } from '../kernel/clock.ts';
import { runInContext } from '../kernel/context.ts';
import { deadlineIn, remainingMs } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import { createSpanRing } from '../telemetry/spans.ts';
import { type CabledMesh, createCabledMesh } from '../testing/cabled-mesh.ts';
import { eventually } from '../testing/eventually.ts';
import { inventory, orders } from '../testing/shop-handlers.ts';
import { type ProtectOptions, protect } from './protect.ts';

let mesh: CabledMesh;
const closing: (() => void)[] = [];
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await mesh.close();
});

const tea = { sku: 'TEA-GREEN' };

function inventoryAt(address: string, options?: ProtectOptions): InventoryServiceClient {
  const bare = new InventoryServiceClient(address, credentials.createInsecure());
  closing.push(() => {
    bare.close();
  });
  return protect(bare, InventoryServiceDefinition, options);
}

/** A promise of the simplest overload. */
function getStock(client: InventoryServiceClient): Promise<GetStockResponse> {
  return new Promise((resolve, reject) => {
    client.getStock(tea, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

async function serviceErrorOf(work: Promise<unknown>): Promise<ServiceError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown instanceof Error && 'code' in thrown) return thrown as ServiceError;
  throw new Error('no ServiceError', { cause: thrown });
}

const down = new MeshError('down', { status: 'UNAVAILABLE' });

describe('a protected client', () => {
  test('is used as before: every overload, metadata, events, peer', async () => {
    const handlers = inventory({
      getStock({ sku }, context) {
        context.setHeader('shelf', String(context.metadata['aisle'] ?? 'none'));
        return Promise.resolve({
          item: { sku, available: 1n, reserved: 0n, unitPrice: undefined },
        });
      },
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const client = inventoryAt(address);
    expect((await getStock(client)).item?.sku).toBe('TEA-GREEN');

    const metadata = new Metadata();
    metadata.set('aisle', '7');
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const call = client.getStock(tea, metadata, { deadline: Date.now() + 500 }, () => {
        seen.push('answer');
      });
      call.on('metadata', (header) => seen.push(String(header.get('shelf')[0])));
      call.on('status', (end) => {
        seen.push(`status ${String(end.code)}`, call.getPeer());
        resolve();
      });
    });
    expect(seen).toEqual(['7', 'answer', 'status 0', address]);
    expect(metadata.get('traceparent')).toEqual([]);
    // What every TypeScript code base has around such a client goes on working.
    const promised = promisify<GetStockRequest, GetStockResponse>(client.getStock.bind(client));
    expect((await promised(tea)).item?.available).toBe(1n);
  });

  test('carries the tracestate and the baggage of the context, over what its caller wrote', async () => {
    const seen: unknown[] = [];
    const handlers = inventory({
      getStock({ sku }, { trace, baggage }) {
        seen.push([trace.state, baggage && [...baggage.keys()]]);
        return Promise.resolve({
          item: { sku, available: 1n, reserved: 0n, unitPrice: undefined },
        });
      },
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const client = inventoryAt(address);
    const call = (): Promise<unknown> => {
      const metadata = new Metadata();
      metadata.set('tracestate', 'of=another');
      metadata.set('baggage', 'theirs=1');
      return new Promise((resolve) => client.getStock(tea, metadata, resolve));
    };
    await call();
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state: 'rojo=1' };
    const baggage = new Map([['mine', { value: '1' }]]);
    await runInContext({ trace, baggage }, call);
    // Where the context has none, baggage of another library that traces is left alone.
    expect(seen).toEqual([
      [undefined, ['theirs']],
      ['rojo=1', ['mine']],
    ]);
  });

  test('gives the error of the call as grpc-js made it', async () => {
    const handlers = inventory({
      getStock: () => Promise.reject(new MeshError('no such article', { status: 'NOT_FOUND' })),
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const error = await serviceErrorOf(getStock(inventoryAt(address)));
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'no such article' });
    expect(error.metadata).toBeInstanceOf(Metadata);
  });

  test('retries what the schema marks idempotent, and tells the handler', async () => {
    const attempts: number[] = [];
    const handlers = inventory({
      getStock(_request, { attempt }) {
        attempts.push(attempt);
        return attempt < 3 ? Promise.reject(down) : Promise.resolve({ item: undefined });
      },
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const spans = createSpanRing(4);
    const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    await runInContext({ trace }, () => getStock(inventoryAt(address, { spans })));
    expect(attempts).toEqual([1, 2, 3]);
    expect(spans.ofTrace(trace.traceId)).toMatchObject([{ status: 'OK', attempts: 3 }]);
  });

  test('never repeats what is not marked', async () => {
    let calls = 0;
    const handlers = inventory({
      getStock() {
        calls++;
        return Promise.reject(down);
      },
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const { methods } = InventoryServiceDefinition;
    const unmarked = {
      ...InventoryServiceDefinition,
      methods: { ...methods, getStock: { ...methods.getStock, options: {} } },
    };
    const bare = new InventoryServiceClient(address, credentials.createInsecure());
    closing.push(() => {
      bare.close();
    });
    await serviceErrorOf(getStock(protect(bare, unmarked)));
    expect(calls).toBe(1);
  });

  test('inherits deadline and cancellation of the work that calls it', async () => {
    const left: number[] = [];
    let ended = false;
    const handlers = inventory({
      getStock(_request, { deadline, signal }) {
        left.push(deadline === undefined ? Number.NaN : remainingMs(deadline, systemClock));
        if (left.length < 3) return Promise.resolve({ item: undefined });
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            ended = true;
            reject(signal.reason as Error);
          });
        });
      },
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const client = inventoryAt(address);
    await getStock(client);
    await runInContext({ deadline: deadlineIn(400, systemClock) }, () => getStock(client));
    expect(left[0]).toBeGreaterThan(1500);
    expect(left[1]).toBeLessThanOrEqual(396);
    const caller = new AbortController();
    const call = runInContext({ signal: caller.signal }, () => getStock(client));
    await eventually(() => left.length === 3);
    caller.abort();
    expect((await serviceErrorOf(call)).code).toBe(status.CANCELLED);
    await eventually(() => ended);
  });

  test('is cancelled through the object that it returned, between two attempts too', async () => {
    const handlers = inventory({
      getStock: () =>
        Promise.reject(
          new MeshError('later', { status: 'UNAVAILABLE', details: { retryAfterMs: 1500 } }),
        ),
    });
    const { address } = await mesh.start(InventoryServiceDefinition, handlers);
    const client = inventoryAt(address);
    const began = performance.now();
    const error = await new Promise<ServiceError | null>((resolve) => {
      const call = client.getStock(tea, resolve);
      setTimeout(() => {
        call.cancel();
      }, 50);
    });
    expect(error).toMatchObject({ code: status.CANCELLED, details: 'Cancelled on client' });
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('is refused at once when its breaker is open, streams as well', async () => {
    let watched = 0;
    const handlers = orders({
      getOrder: () => Promise.reject(down),
      async *watchOrder() {
        watched++;
        yield await Promise.resolve({ order: undefined });
      },
    });
    const { address } = await mesh.start(OrdersServiceDefinition, handlers);
    const bare = new OrdersServiceClient(address, credentials.createInsecure());
    closing.push(() => {
      bare.close();
    });
    const client = protect(bare, OrdersServiceDefinition);
    const getOrder = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        client.getOrder({ orderId: 'ord_1' }, (error, response) => {
          if (error === null) resolve(response);
          else reject(error);
        });
      });
    await eventually(async () => {
      const { details } = await serviceErrorOf(getOrder());
      return details.includes('its breaker is open');
    });
    const refused = await serviceErrorOf(getOrder());
    expect(refused.code).toBe(status.UNAVAILABLE);
    expect(Number(refused.metadata.get('grpc-retry-pushback-ms')[0])).toBeGreaterThan(0);

    const stream = client.watchOrder({ orderId: 'ord_1' });
    const error = await new Promise<Error>((resolve) => {
      stream.on('error', resolve);
      stream.on('data', () => undefined);
    });
    expect(error).toMatchObject({ code: status.UNAVAILABLE });
    expect(watched).toBe(0);
  });
});
