import { expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import { errorOf } from './error-of.ts';
import { eventually } from './eventually.ts';
import { echo, padded, typeOf } from './transport-contract-messages.ts';
import {
  getStockMethod,
  type StartRig,
  type TransportUnderTest,
} from './transport-contract-rig.ts';

/** What a call brings, and in which company: messages, metadata, and who asks. */
export function describeAnswers(start: StartRig, transport: TransportUnderTest): void {
  answers(start, transport);
  metadata(start);
}

function answers(start: StartRig, transport: TransportUnderTest): void {
  test('brings the request to its handler and the response back', async () => {
    const rig = await start();
    const response = await rig.getStock({ sku: 'TEA' });
    expect(response).toEqual({
      item: { sku: 'TEA', available: 3n, reserved: 0n, unitPrice: undefined },
    });
  });

  test('keeps hundreds apart that are under way together', async () => {
    const rig = await start();
    const skus = Array.from({ length: 300 }, (_, i) => `SKU-${String(i)}`);
    const responses = await Promise.all(skus.map((sku) => rig.getStock({ sku })));
    expect(responses.map(({ item }) => item?.sku)).toEqual(skus);
  });

  test('carries bodies of any size below the limit, either way', async () => {
    const rig = await start({
      handlers: { getStock: ({ sku }) => Promise.resolve(echo('x'.repeat(Number(sku)))) },
    });
    for (const length of [0, 1, 127, 128, 8000, 8192, 16_384, 200_000]) {
      const response = await rig.call(padded(length), { sku: String(length) });
      expect(response).toEqual(echo('x'.repeat(length)));
    }
  });

  test('carries empty messages like any other', async () => {
    const rig = await start({
      handlers: { getStock: () => Promise.resolve({ item: undefined }) },
    });
    const report = { transport: 'plain' as const, sentBytes: 0, receivedBytes: 0 };
    expect(await rig.getStock({ sku: 'TEA' }, { report })).toEqual({ item: undefined });
    expect(report.receivedBytes).toBe(0);
    // Nothing of a message is a message too: it is checked, and its only field is required.
    const requestType = typeOf(() => new Uint8Array());
    const error = await errorOf(rig.call({ ...getStockMethod, requestType }, { sku: 'TEA' }));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
  });

  test('is answered when it is ready, whatever began before it', async () => {
    const ready = new Map<string, () => void>();
    const rig = await start({
      handlers: {
        getStock: ({ sku }) =>
          new Promise((resolve) => {
            ready.set(sku, () => {
              resolve(echo(sku));
            });
          }),
      },
    });
    const began = ['A', 'B', 'C', 'D', 'E'];
    const ended: string[] = [];
    const calls = began.map(async (sku) => {
      const { item } = await rig.getStock({ sku });
      expect(item?.sku).toBe(sku);
      ended.push(sku);
    });
    await eventually(() => ready.size === began.length);
    for (const sku of began.toReversed()) {
      const before = ended.length;
      ready.get(sku)?.();
      await eventually(() => ended.length > before, { everyMs: 1 });
    }
    await Promise.all(calls);
    expect(ended).toEqual(began.toReversed());
  });

  test('tells how it travelled, and how many bytes of messages', async () => {
    const rig = await start();
    const report = { transport: 'plain' as const, sentBytes: 0, receivedBytes: 0 };
    await rig.getStock({ sku: 'TEA' }, { report });
    const sent = getStockMethod.requestType.encode({ sku: 'TEA' }).finish().length;
    expect(report).toEqual({
      transport: transport.name,
      sentBytes: sent,
      receivedBytes: expect.any(Number),
    });
    expect(report.receivedBytes).toBeGreaterThan(0);
  });

  test('tells the handler who calls, which attempt it is, and in which trace', async () => {
    const rig = await start();
    await rig.getStock({ sku: 'TEA' }, { attempt: 3 });
    await eventually(() => rig.seen.length > 0);
    expect(rig.seen.at(-1)).toMatchObject({
      attempt: 3,
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      trace: { traceId: 'a'.repeat(32) },
      parentSpanId: 'b'.repeat(16),
    });
  });

  test('carries tracestate, flags and baggage to the handler', async () => {
    const rig = await start();
    const baggage = new Map([
      ['tenant', { value: 'Amélie, of "blue" 100%', properties: 'ttl=60;internal' }],
      ['session', { value: '' }],
    ]);
    const state = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';
    const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state, flags: 0 };
    await rig.getStock({ sku: 'TEA' }, { trace: caller, baggage });
    await rig.getStock({ sku: 'TEA' }, { trace: caller, baggage, metadata: { 'x-a': 'b' } });
    for (const { trace, baggage: told, metadata: given } of rig.seen) {
      expect(trace).toEqual({ ...caller, spanId: trace.spanId });
      expect(told).toEqual(baggage);
      expect(Object.keys(given)).not.toContain('baggage');
    }
    expect(rig.seen[1]?.metadata).toEqual({ 'x-a': 'b' });
  });

  test('has neither where the caller has neither, whatever its metadata says', async () => {
    const rig = await start();
    await rig.getStock({ sku: 'TEA' });
    const metadata = { tracestate: 'evil=1', baggage: 'tenant=red' };
    await rig.getStock({ sku: 'TEA' }, { metadata });
    for (const { trace, baggage, metadata: given } of rig.seen) {
      expect(Object.keys(trace)).toEqual(['traceId', 'spanId']);
      expect(baggage).toBeUndefined();
      expect(given).toEqual({});
    }
  });

  test('does not fail a call for baggage that is too large, and carries what fits', async () => {
    const rig = await start();
    const baggage = new Map(
      Array.from({ length: 100 }, (_, i) => [`k${String(i)}`, { value: 'x'.repeat(200) }]),
    );
    await rig.getStock({ sku: 'TEA' }, { baggage, metadata: { 'x-a': 'y'.repeat(4000) } });
    const told = rig.seen[0]?.baggage;
    expect(told?.size).toBeGreaterThan(35);
    expect([...(told ?? [])]).toEqual([...baggage].slice(0, told?.size));
    const alone = new Map([['a', { value: 'x'.repeat(9000) }]]);
    await rig.getStock({ sku: 'TEA' }, { baggage: alone });
    expect(rig.seen[1]?.baggage).toBeUndefined();
  });

  test('tells the handler what is left of the caller’s time', async () => {
    const rig = await start();
    await rig.getStock({ sku: 'TEA' }, { deadline: deadlineIn(1500, systemClock) });
    const { leftMs = 0 } = rig.seen.at(-1) ?? {};
    expect(leftMs).toBeGreaterThan(100);
    expect(leftMs).toBeLessThanOrEqual(1501);
  });
}

function metadata(start: StartRig): void {
  test('carries metadata to the handler: texts, bytes, several values', async () => {
    const rig = await start();
    await rig.getStock(
      { sku: 'TEA' },
      {
        metadata: {
          'x-tenant': 'acme',
          'X-Upper': 'case',
          'x-twice': ['one', 'two'],
          'x-raw-bin': Uint8Array.of(0, 255, 7),
          'x-raws-bin': [Uint8Array.of(1), Uint8Array.of(2, 3)],
        },
      },
    );
    expect(rig.seen.at(-1)?.metadata).toEqual({
      'x-tenant': 'acme',
      'x-upper': 'case',
      'x-twice': 'one, two',
      'x-raw-bin': Buffer.of(0, 255, 7),
      'x-raws-bin': [Buffer.of(1), Buffer.of(2, 3)],
    });
  });

  test('carries headers and trailers back, with an error too', async () => {
    const rig = await start({
      handlers: {
        getStock: ({ sku }, context) => {
          context.setHeader('x-served-by', 'me');
          context.setTrailer('x-cost', '3');
          context.setTrailer('x-proof-bin', Uint8Array.of(9, 8));
          if (sku === 'NONE') throw new MeshError('no such article', { status: 'NOT_FOUND' });
          return Promise.resolve(echo(sku));
        },
      },
    });
    const fine = await rig.told({ sku: 'TEA' });
    expect(fine.header).toMatchObject({ 'x-served-by': 'me' });
    expect(fine.trailer).toEqual({ 'x-cost': '3', 'x-proof-bin': Buffer.of(9, 8) });
    const failed = await rig.told({ sku: 'NONE' });
    expect(failed.error?.status).toBe('NOT_FOUND');
    expect(failed.trailer).toMatchObject({ 'x-cost': '3', 'x-proof-bin': Buffer.of(9, 8) });
  });

  test('refuses metadata that cannot travel, before anything is sent', async () => {
    const rig = await start();
    for (const given of [{ 'grpc-timeout': '1S' }, { 'x-a b': 'v' }, { 'x-text': 'ü' }]) {
      const error = await errorOf(rig.getStock({ sku: 'TEA' }, { metadata: given }));
      expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_METADATA' });
    }
    expect(rig.seen).toHaveLength(0);
  });

  test('fails the call, and no other, whose callback throws', async () => {
    const rig = await start();
    const onTrailer = (): void => {
      throw new MeshError('not with me', { status: 'ABORTED' });
    };
    const [error, response] = await Promise.all([
      errorOf(rig.getStock({ sku: 'TEA' }, { onTrailer })),
      rig.getStock({ sku: 'COFFEE' }),
    ]);
    expect(error.status).toBe('ABORTED');
    expect(response.item?.sku).toBe('COFFEE');
  });
}
