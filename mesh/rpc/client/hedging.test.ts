import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { MeshError } from '../../kernel/error.ts';
import { createSpanRing } from '../../telemetry/spans.ts';
import { errorOf } from '../../testing/error-of.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import {
  createFakeTransport,
  type FakeArrival,
  fakeEndpoints,
} from '../../testing/fake-transport.ts';
import { createSeededRandom } from '../../testing/seeded-random.ts';
import type { StubOptions } from './options.ts';
import { createPeers } from './peers.ts';

const tea = { sku: 'TEA-GREEN' };
const stock = { item: undefined };
const order = { orderId: 'o1', lines: [{ ...tea, quantity: 1 }] };
const hedged = { methods: { GetStock: { maxExtraLoad: 0.1 }, Reserve: { maxExtraLoad: 0.1 } } };
const turn = (): Promise<void> => new Promise(setImmediate);

/** Answers after as much virtual time as `tookMs` says of the attempt. */
async function rig(tookMs: (arrival: FakeArrival) => number, options: StubOptions = hedged) {
  const clock = createFakeClock();
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of fakeEndpoints('inventory', 3)) await registry.register(endpoint);
  let failure: MeshError | undefined;
  const transport = createFakeTransport(async (arrival) => {
    arrival.context.onHeader?.({ from: arrival.endpoint.instanceId });
    await clock.sleep(tookMs(arrival));
    if (failure !== undefined) throw failure;
    return stock;
  });
  const spans = createSpanRing(16);
  const peers = createPeers({ resolver, transport, clock, spans, random: createSeededRandom(3) });
  const stub = peers.client(InventoryServiceDefinition, options);
  const { arrivals } = transport;

  /** A call, and time until it ends. */
  async function run<T>(call: () => Promise<T>): Promise<T> {
    const state = { over: false };
    const running = call().finally(() => {
      state.over = true;
    });
    running.catch(() => undefined);
    await turn();
    while (!state.over) {
      clock.advance(1);
      await turn();
    }
    return running;
  }
  const warm = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) await run(() => stub.getStock(tea));
    // Estimates are kept for a second.
    clock.advance(1000);
    await run(() => stub.getStock(tea));
    arrivals.length = 0;
  };
  const fail = (error: MeshError | undefined): void => {
    failure = error;
  };
  return { clock, stub, arrivals, run, warm, peers, spans, fail };
}

describe('a hedged call', () => {
  test('goes to a second endpoint when it takes longer than nearly all others; the first answer wins', async () => {
    let slow = false;
    const { stub, arrivals, run, warm, clock, peers, spans } = await rig(({ context }) =>
      slow && context.attempt === 1 ? 500 : 10,
    );
    await warm();
    slow = true;
    const startMs = clock.monotonic();
    const headers: unknown[] = [];
    await run(() => stub.getStock(tea, { onHeader: (header) => headers.push(header['from']) }));
    expect(clock.monotonic() - startMs).toBeLessThan(50);
    expect(arrivals.map(({ context }) => context.attempt)).toEqual([1, 2]);
    const [first, second] = arrivals;
    expect(first?.endpoint.instanceId).not.toBe(second?.endpoint.instanceId);
    // The loser is cancelled, and nothing of it reaches the caller.
    expect(first?.context.cancellation?.reason?.reason).toBe('HEDGE_LOST');
    expect(second?.context.cancellation?.reason).toBeUndefined();
    expect(headers).toEqual([second?.endpoint.instanceId]);
    const [span] = spans.ofTrace(first?.context.trace.traceId ?? '');
    expect(span).toMatchObject({ attempts: 2, status: 'OK' });
    const inFlight = peers.describe().flatMap(({ endpoints }) => endpoints.map((e) => e.inFlight));
    expect(inFlight).toEqual([0, 0, 0]);
    await peers.close();
  });

  test('adds no more load than was allowed, even when everything is slow', async () => {
    let slowMs = 10;
    const { stub, arrivals, run, warm, peers } = await rig(() => slowMs);
    await warm();
    slowMs = 200;
    for (let i = 0; i < 60; i++) await run(() => stub.getStock(tea));
    const extra = arrivals.filter(({ context }) => context.attempt > 1).length;
    expect(extra).toBeGreaterThan(0);
    // A tenth of these calls and of those that were made before.
    expect(extra).toBeLessThanOrEqual(Math.ceil(0.1 * (60 + 41)));
    await peers.close();
  });

  test('never for what has side effects, and not when one attempt is all there is', async () => {
    let slowMs = 10;
    const { stub, arrivals, run, warm, peers } = await rig(() => slowMs);
    await warm();
    slowMs = 300;
    await run(() => stub.reserve(order));
    expect(arrivals.length).toBe(1);
    await peers.close();
    const single = await rig(() => slowMs, { ...hedged, retry: { attempts: 1 } });
    slowMs = 10;
    await single.warm();
    slowMs = 300;
    await single.run(() => single.stub.getStock(tea));
    expect(single.arrivals.length).toBe(1);
    await single.peers.close();
  });

  test('whose attempts both fail is retried, and says how many were made', async () => {
    let slowMs = 10;
    const { stub, arrivals, run, warm, peers, fail } = await rig(() => slowMs);
    await warm();
    slowMs = 60;
    fail(new MeshError('down', { status: 'UNAVAILABLE' }));
    expect((await run(() => errorOf(stub.getStock(tea)))).status).toBe('UNAVAILABLE');
    expect(arrivals.map(({ context }) => context.attempt)).toEqual([1, 2, 3]);
    const ids = arrivals.map(({ endpoint }) => endpoint.instanceId);
    expect(new Set(ids).size).toBe(3);
    // An answer that is an error is an answer: nothing waits for the other one.
    fail(new MeshError('no such', { status: 'NOT_FOUND' }));
    arrivals.length = 0;
    expect((await run(() => errorOf(stub.getStock(tea)))).status).toBe('NOT_FOUND');
    expect(arrivals.length).toBeLessThanOrEqual(2);
    await peers.close();
  });
});
