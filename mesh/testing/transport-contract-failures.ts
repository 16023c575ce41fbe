import { expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import { neverReached } from '../resilience/unreached.ts';
import { errorOf } from './error-of.ts';
import { echo, typeOf } from './transport-contract-messages.ts';
import { getStockMethod, reserveMethod, type StartRig } from './transport-contract-rig.ts';

/** What a call fails with: what its handler threw, and what is refused before there is a handler. */
export function describeFailures(start: StartRig): void {
  failures(start);
  refusals(start);
}

function failures(start: StartRig): void {
  test('brings status, message, reason, facts and the wait before a retry', async () => {
    const rig = await start({
      handlers: {
        getStock: () =>
          Promise.reject(
            new MeshError('the shelf is being counted, ünïcode and all', {
              status: 'ABORTED',
              reason: 'STOCKTAKING',
              details: { facts: { shelf: '12' }, retryAfterMs: 1500 },
            }),
          ),
      },
    });
    const error = await errorOf(rig.getStock({ sku: 'TEA' }));
    expect(error).toMatchObject({ status: 'ABORTED', reason: 'STOCKTAKING' });
    expect(error.rawMessage).toBe(
      `shop.inventory.v1.InventoryService/GetStock at ${rig.address}: the shelf is being counted, ünïcode and all`,
    );
    expect(error.details).toEqual({
      retryAfterMs: 1500,
      facts: {
        shelf: '12',
        service: 'shop.inventory.v1.InventoryService',
        method: 'GetStock',
        endpoint: rig.address,
        attempts: '1',
      },
    });
  });

  test('brings "never try again"', async () => {
    const details = { retryAfterMs: Number.POSITIVE_INFINITY };
    const thrown = new MeshError('not today', { status: 'UNAVAILABLE', details });
    const rig = await start({ handlers: { getStock: () => Promise.reject(thrown) } });
    const error = await errorOf(rig.getStock({ sku: 'TEA' }));
    expect(error.details.retryAfterMs).toBe(Number.POSITIVE_INFINITY);
    expect(neverReached(error)).toBe(false);
  });

  test('tells nothing of an error that was not meant for others', async () => {
    const thrown = new Error('password is 1234');
    const rig = await start({ handlers: { getStock: () => Promise.reject(thrown) } });
    const error = await errorOf(rig.getStock({ sku: 'TEA' }));
    expect(['INTERNAL', 'UNKNOWN']).toContain(error.status);
    expect(error.message).not.toContain('1234');
  });

  test('names every field that breaks a rule', async () => {
    const rig = await start();
    const request = { orderId: '', lines: [] };
    const error = await errorOf(rig.call(reserveMethod, request));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
    expect(error.details.violations?.length).toBeGreaterThan(0);
  });

  test('says that a method is not served', async () => {
    const rig = await start();
    const path = '/shop.inventory.v1.InventoryService/Steal';
    const error = await errorOf(rig.call({ ...getStockMethod, name: 'Steal', path }, { sku: '' }));
    expect(error).toMatchObject({ status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' });
  });

  test('says whose message is malformed', async () => {
    const rig = await start();
    const requestType = typeOf(() => Uint8Array.of(10, 200));
    const broken = { ...getStockMethod, requestType };
    const request = await errorOf(rig.call(broken, { sku: 'TEA' }));
    expect(request).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'MALFORMED_MESSAGE' });

    const responseType = typeOf(() => new Uint8Array());
    const response = await errorOf(rig.call({ ...getStockMethod, responseType }, { sku: 'TEA' }));
    expect(response).toMatchObject({ status: 'INTERNAL', reason: 'UNDECODABLE_RESPONSE' });
  });

  test('says that a request cannot be encoded, before anything is sent', async () => {
    const rig = await start();
    const requestType = typeOf(() => {
      throw new Error('no such field');
    });
    const error = await errorOf(rig.call({ ...getStockMethod, requestType }, { sku: 'TEA' }));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'UNENCODABLE_REQUEST' });
    expect(rig.seen).toHaveLength(0);
    expect((await rig.getStock({ sku: 'TEA' })).item?.sku).toBe('TEA');
  });
}

function refusals(start: StartRig): void {
  test('does not begin with a request above the limit', async () => {
    const rig = await start({ maxMessageBytes: 32 * 1024 });
    const error = await errorOf(rig.getStock({ sku: 'x'.repeat(40_000) }));
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'REQUEST_TOO_LARGE' });
    expect(rig.seen).toHaveLength(0);
  });

  test('ends with an error for a response above the limit, and the others go on', async () => {
    const big = 'x'.repeat(40_000);
    const rig = await start({
      maxMessageBytes: 32 * 1024,
      handlers: { getStock: ({ sku }) => Promise.resolve(echo(sku === 'BIG' ? big : sku)) },
    });
    const [error, fine] = await Promise.all([
      errorOf(rig.getStock({ sku: 'BIG' })),
      rig.getStock({ sku: 'TEA' }),
    ]);
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'RESPONSE_TOO_LARGE' });
    expect(fine.item?.sku).toBe('TEA');
  });

  test('is refused with too much metadata, and the others go on', async () => {
    const rig = await start();
    const [error, fine] = await Promise.all([
      errorOf(rig.getStock({ sku: 'TEA' }, { metadata: { 'x-big': 'x'.repeat(9000) } })),
      rig.getStock({ sku: 'COFFEE' }),
    ]);
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'METADATA_TOO_LARGE' });
    expect(fine.item?.sku).toBe('COFFEE');
  });

  test('whose time is over is not sent', async () => {
    const rig = await start();
    const error = await errorOf(
      rig.getStock({ sku: 'TEA' }, { deadline: deadlineIn(-1, systemClock) }),
    );
    expect(error.status).toBe('DEADLINE_EXCEEDED');
    await rig.getStock({ sku: 'COFFEE' });
    expect(rig.seen.map(({ sku }) => sku)).toEqual(['COFFEE']);
  });
}
