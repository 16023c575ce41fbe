import { getEventListeners, setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { type Context, runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeTransport, fakeEndpoints } from '../../testing/fake-transport.ts';
import { createClient } from './client.ts';
import { OpenEnding } from './ending.ts';

const tea = { sku: 'TEA-GREEN' };

async function stubOf() {
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of fakeEndpoints('inventory', 2)) await registry.register(endpoint);
  let calls = 0;
  const unavailable = new MeshError('down', { status: 'UNAVAILABLE' });
  const transport = createFakeTransport(() =>
    // Some fail and are retried at once, so that every path is walked.
    ++calls % 100 === 0 ? Promise.reject(unavailable) : { item: undefined },
  );
  const retry = { baseMs: 0, maxMs: 0, budget: { share: 1 } };
  const client = createClient(InventoryServiceDefinition, { resolver, transport, retry });
  // What the transport remembers for tests is not to be mistaken for a leak.
  const getStock = async (options = {}): Promise<unknown> => {
    transport.arrivals.length = 0;
    return client.getStock(tea, options);
  };
  return { client, getStock };
}

/** Counts what waits for its end. */
class CountedEnding extends OpenEnding {
  waiting = 0;

  override onAbort(listener: (reason: MeshError) => void): () => void {
    this.waiting++;
    const forget = super.onAbort(listener);
    return () => {
      this.waiting--;
      forget();
    };
  }
}

describe('100 000 calls of one long work', () => {
  async function hundredThousand(context: Context, given?: AbortSignal) {
    const { client, getStock } = await stubOf();
    await runInContext(context, async () => {
      for (let i = 0; i < 1000; i++) {
        const options = given === undefined ? {} : { signal: given };
        await Promise.all(Array.from({ length: 100 }, () => getStock(options)));
      }
    });
    await client[Symbol.asyncDispose]();
  }

  test('leave no listener with its signal, nor with one of their own', async () => {
    const parent = new AbortController();
    const given = new AbortController();
    setMaxListeners(0, parent.signal, given.signal);
    await hundredThousand({ signal: parent.signal }, given.signal);
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
    expect(getEventListeners(given.signal, 'abort')).toEqual([]);
  }, 60_000);

  test('leave none with its cancellation, and do not make a signal of it', async () => {
    const cancellation = new CountedEnding();
    const context = {
      cancellation,
      get signal(): AbortSignal {
        throw new Error('nobody asked for a signal');
      },
    };
    await hundredThousand(context);
    expect(cancellation.waiting).toBe(0);
  }, 60_000);
});

test('the end of the work ends its calls, whatever tells of it', async () => {
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of fakeEndpoints('inventory', 1)) await registry.register(endpoint);
  const transport = createFakeTransport(() => new Promise(() => undefined));
  await using client = createClient(InventoryServiceDefinition, { resolver, transport });
  const cancellation = new OpenEnding();
  const { signal } = new AbortController();
  const reason = new MeshError('the caller left', { status: 'CANCELLED' });
  const calls = [{}, { signal }].map((options) =>
    errorOf(runInContext({ cancellation }, () => client.getStock(tea, options))),
  );
  await eventually(() => transport.arrivals.length === 2);
  cancellation.abort(reason);
  expect(await Promise.all(calls)).toEqual([reason, reason]);
  const late = runInContext({ cancellation }, () => errorOf(client.getStock(tea)));
  expect(await late).toBe(reason);
  expect(transport.arrivals.length).toBe(2);
});
