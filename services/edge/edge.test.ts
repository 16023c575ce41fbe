/**
 * The edge over services of the shop, in one process: real HTTP in, the mesh's own client out, and the contracts
 * between them.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { currentContext, type Implementation, implement } from '#mesh';
import {
  type Asking,
  askEdge,
  fieldsOf,
  type Told,
  testTokens,
  tokenFor,
} from '../../mesh/testing/edge-rig.ts';
import {
  meshWithInventory,
  startGateway,
  startOrdersOf,
} from '../../mesh/testing/gateway-ground.ts';
import type { InProcessMesh } from '../../mesh/testing/in-process.ts';

let mesh: InProcessMesh;
let address = '';

beforeEach(async () => {
  mesh = await meshWithInventory();
  address = await startGateway(mesh);
});

afterEach(() => mesh.close());

const ask = (path: string, asking?: Asking): Promise<Told> => askEdge(`${address}${path}`, asking);

const order = (key?: string): object => ({
  ...(key !== undefined && { idempotencyKey: key }),
  ...{ customerId: 'ada', lines: [{ sku: 'TEA-GREEN', quantity: 2 }], cardToken: 'tok_visa' },
});

describe('REST', () => {
  test('reads a resource, by its contract', async () => {
    const { status, json } = await ask('/v1/stock/TEA-GREEN');
    expect(status).toBe(200);
    expect(json).toEqual({
      ...{ sku: 'TEA-GREEN', available: '1000000', reserved: '0' },
      unitPrice: { minorUnits: '450', currencyCode: 'EUR' },
    });
  });

  test('what is not there is 404, with the status of gRPC in the body', async () => {
    const { status, at } = await ask('/v1/stock/NO-SUCH');
    expect([status, at('code')]).toEqual([404, 5]);
    expect(at('details.0')).toMatchObject({ reason: 'UNKNOWN_SKU', metadata: { sku: 'NO-SUCH' } });
    expect((await ask('/v1/nothing')).status).toBe(404);
  });

  test('one update has three shapes: sub-resource, verb in the path, verb as parameter', async () => {
    const unitPrice = { minorUnits: 500, currencyCode: 'EUR' };
    const put = await ask('/v1/stock/TEA-GREEN/price', { method: 'PUT', json: unitPrice });
    expect(put.at('unitPrice.minorUnits')).toBe('500');
    const set = (path: string, minorUnits: number): Promise<Told> =>
      ask(path, { method: 'POST', json: { unitPrice: { ...unitPrice, minorUnits } } });
    expect((await set('/v1/stock/TEA-GREEN:setPrice', 510)).at('unitPrice.minorUnits')).toBe('510');
    const acted = await set('/v1/stock/TEA-GREEN?action=setPrice', 520);
    expect(acted.at('unitPrice.minorUnits')).toBe('520');
  });

  test('a verb that is not there is 405, with those that are', async () => {
    const { status, headers } = await ask('/v1/stock/TEA-GREEN', { method: 'DELETE' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });

  test('names the field that is wrong, by the contract of JSON and by its rules', async () => {
    const put = (json: unknown): Promise<Told> =>
      ask('/v1/stock/TEA-GREEN/price', { method: 'PUT', json });
    const badType = await put({ minorUnits: 'many', currencyCode: 'EUR' });
    expect(badType.status).toBe(400);
    expect(fieldsOf(badType)).toEqual(['unit_price.minor_units']);
    expect(fieldsOf(await put({ minorUnits: 1, currencyCode: 'euro' }))).toEqual([
      'unit_price.currency_code',
    ]);
    const typo = await ask('/v1/stock/TEA-GREEN?skuu=1');
    expect([typo.status, ...fieldsOf(typo)]).toEqual([400, 'skuu']);
  });

  test('takes a stream of lines', async () => {
    const lines = ['TEA-GREEN', 'TEA-BLACK'].map((sku) =>
      JSON.stringify({ deliveryId: 'del_1', sku, quantity: 5 }),
    );
    const headers = { 'content-type': 'application/x-ndjson' };
    const body = lines.join('\n');
    const { json } = await ask('/v1/stock:import', { method: 'POST', headers, body });
    expect(json).toEqual({ articles: 2, pieces: '10', alreadyBooked: false });
  });

  test('a form of another page is not read', async () => {
    const headers = { 'content-type': 'text/plain' };
    const init = { method: 'PUT', headers, body: '{"minorUnits":1}' };
    expect((await ask('/v1/stock/TEA-GREEN/price', init)).status).toBe(415);
  });
});

describe('levels of maturity', () => {
  test('0: one address for everything, and 200 for everything', async () => {
    const method = 'shop.inventory.v1.InventoryService/GetStock';
    const call = (sku: string): Promise<Told> =>
      ask('/rpc', { method: 'POST', json: { method, request: { sku } } });
    expect((await call('TEA-GREEN')).at('response.item.sku')).toBe('TEA-GREEN');
    const { status, at } = await call('NO-SUCH');
    expect([status, at('error.code')]).toEqual([200, 5]);
  });

  test('a method without google.api.http is not there', async () => {
    const method = 'shop.inventory.v1.InventoryService/Reserve';
    const { at } = await ask('/rpc', { method: 'POST', json: { method, request: {} } });
    expect(at('error.code')).toBe(3);
  });

  test('3: what leads on from a resource is in the answer', async () => {
    const headers = { accept: 'application/hal+json' };
    const { at } = await ask('/v1/stock/TEA-GREEN', { headers });
    expect(at('_links')).toEqual({
      self: { href: '/v1/stock/TEA-GREEN' },
      price: { href: '/v1/stock/TEA-GREEN/price', method: 'PUT' },
    });
  });
});

describe('orders over REST', () => {
  beforeEach(() => startOrdersOf(mesh));

  test('a new one is 201 with its address, and the key of the header makes two requests one', async () => {
    const headers = { 'idempotency-key': '"order-0001"' };
    const place = (): Promise<Told> =>
      ask('/v1/orders', { method: 'POST', headers, json: order() });
    const first = await place();
    expect([first.status, first.at('status')]).toEqual([201, 'ORDER_STATUS_CONFIRMED']);
    const again = await place();
    expect(again.at('orderId')).toBe(first.at('orderId'));
    const { at } = await ask(first.headers.get('location') ?? '');
    expect(at('orderId')).toBe(first.at('orderId'));
    // Level 1: resources, and one verb for everything.
    const level1 = await ask(`/v1/orders/${String(first.at('orderId'))}:get`, {
      method: 'POST',
      json: {},
    });
    expect(level1.at('orderId')).toBe(first.at('orderId'));
  });

  test('two keys in one request are refused', async () => {
    const headers = { 'idempotency-key': 'order-0002' };
    const refused = await ask('/v1/orders', { method: 'POST', headers, json: order('order-9999') });
    expect([refused.status, ...fieldsOf(refused)]).toEqual([400, 'Idempotency-Key']);
  });

  test('what leads on is embedded on request, and what cannot be had stands there as an error', async () => {
    const placed = await ask('/v1/orders', { method: 'POST', json: order('order-0003') });
    const path = `/v1/orders/${String(placed.at('orderId'))}`;
    const { at } = await ask(`${path}?expand=stock,notifications`);
    expect(at('_embedded.stock')).toMatchObject([{ sku: 'TEA-GREEN' }]);
    expect(at('_embedded.notifications')).toHaveProperty('notifications');
    const unknown = await ask(`${path}?expand=reviews`);
    expect([unknown.status, ...fieldsOf(unknown)]).toEqual([400, 'expand']);
  });

  test('changes come as server-sent events, and as lines', async () => {
    const placed = await ask('/v1/orders', { method: 'POST', json: order('order-0004') });
    const path = `${address}/v1/orders/${String(placed.at('orderId'))}:watch`;
    const first = async (accept: string): Promise<string> => {
      const gone = new AbortController();
      const answer = await fetch(path, { headers: { accept }, signal: gone.signal });
      expect(answer.headers.get('content-type')).toBe(accept);
      const reader = answer.body?.getReader();
      const value: unknown = (await reader?.read())?.value;
      gone.abort();
      return Buffer.from(value as Uint8Array).toString();
    };
    expect(await first('text/event-stream')).toMatch(/^data: \{"orderId".*CONFIRMED.*\n\n$/);
    expect(JSON.parse(await first('application/x-ndjson'))).toHaveProperty('result.orderId');
    const nobody = await fetch(`${address}/v1/orders/ord_x:watch`);
    expect(nobody.status).toBe(404);
  });
});

describe('keys of requests whose contract has none', () => {
  const key = { 'idempotency-key': 'price-0001' };
  const set = (minorUnits: number, headers: Record<string, string> = key): Promise<Told> =>
    ask('/v1/stock/TEA-GREEN/price', {
      ...{ method: 'PUT', headers, json: { minorUnits, currencyCode: 'EUR' } },
    });

  test('the first answer is given again, also after the thing has changed', async () => {
    const first = await set(600);
    await set(700, {});
    const again = await set(600);
    expect(again.json).toEqual(first.json);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect((await ask('/v1/stock/TEA-GREEN')).at('unitPrice.minorUnits')).toBe('700');
  });

  test('a refusal is an answer too, and another request under the key is refused', async () => {
    expect((await set(-1)).status).toBe(400);
    const again = await set(-1);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([400, 'true']);
    expect((await set(1)).at('details.0.reason')).toBe('IDEMPOTENCY_KEY_REUSED');
  });
});

test('the patience of the caller is the deadline of the call', async () => {
  const headers = { 'x-request-timeout': '0.001' };
  const { status } = await ask('/v1/stock/TEA-GREEN', { headers });
  expect(status).toBe(504);
  const bad = await ask('/v1/stock/TEA-GREEN', { headers: { 'x-request-timeout': 'soon' } });
  expect([bad.status, ...fieldsOf(bad)]).toEqual([400, 'x-request-timeout']);
});

test('a service hears who asks, for which request, in which trace; a caller cannot say to be another', async () => {
  address = await startGateway(mesh, { tokens: testTokens });
  const listNotifications: Implementation<NotificationsServiceDefinition>['listNotifications'] =
    async ({ orderId }, { metadata }) => {
      const text = [metadata['weft-user'], metadata['x-request-id']].join(' ');
      const eventId = currentContext().trace?.traceId ?? '';
      const one = { eventId, orderId, customerId: '', text, sentAt: undefined };
      return { notifications: [one] };
    };
  await mesh.start({
    name: 'notifications',
    build: () => ({ services: [implement(NotificationsServiceDefinition, { listNotifications })] }),
  });
  const traceId = 'a'.repeat(32);
  const headers = {
    ...{ authorization: `Bearer ${tokenFor('ada')}`, 'weft-user': 'bob' },
    ...{ 'x-request-id': 'request-1', traceparent: `00-${traceId}-${'b'.repeat(16)}-01` },
  };
  const { at } = await ask('/v1/orders/ord_1/notifications', { headers });
  expect(at('notifications.0')).toMatchObject({ text: 'ada request-1', eventId: traceId });
});
