/**
 * The OpenAPI document of the shop's gateway, and whether the gateway keeps it: an answer and a refusal of every
 * operation, over real HTTP, held against the schemas in the document.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { askEdge } from '../../mesh/testing/edge-rig.ts';
import {
  meshWithInventory,
  startGateway,
  startOrdersOf,
} from '../../mesh/testing/gateway-ground.ts';
import type { InProcessMesh } from '../../mesh/testing/in-process.ts';
import {
  type DocumentedAnswers,
  documentedAnswers,
  faultsOfDocument,
} from '../../mesh/testing/openapi-check.ts';

let mesh: InProcessMesh;
let address = '';
let document: Record<string, unknown>;
let documented: DocumentedAnswers;
let orderId = '';

const order = (key: string): object => ({
  ...{ idempotencyKey: key, customerId: 'ada', cardToken: 'tok_visa' },
  lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
});

beforeAll(async () => {
  mesh = await meshWithInventory();
  await startOrdersOf(mesh);
  address = await startGateway(mesh);
  document = (await askEdge(`${address}/openapi.json`)).json as Record<string, unknown>;
  documented = documentedAnswers(document);
  const placed = await askEdge(`${address}/v1/orders`, { method: 'POST', json: order('doc-0001') });
  orderId = String(placed.at('orderId'));
});
afterAll(() => mesh.close());

/** What is asked of an operation: once well, once badly. */
interface Example {
  readonly path: () => string;
  readonly json?: unknown;
  readonly status: number;
  readonly bad: { readonly path: string; readonly json?: unknown; readonly status: number };
  readonly accept?: string;
}

const price = { minorUnits: '450', currencyCode: 'EUR' };
const noPrice = { unitPrice: { ...price, currencyCode: 'euro' } };
const badPut = { path: '/v1/stock/TEA-GREEN/price', json: { minorUnits: 'many' }, status: 400 };
const badSet = { path: '/v1/stock/TEA-GREEN:setPrice', json: noPrice, status: 400 };
const delivery = { deliveryId: 'del_doc', sku: 'TEA-GREEN', quantity: 1 };

const examples: Readonly<Record<string, Example>> = {
  'GET /v1/stock/{sku}': {
    ...{ path: () => '/v1/stock/TEA-GREEN', status: 200 },
    bad: { path: '/v1/stock/NO-SUCH', status: 404 },
  },
  'PUT /v1/stock/{sku}/price': {
    ...{ path: () => '/v1/stock/TEA-GREEN/price', json: price, status: 200, bad: badPut },
  },
  'POST /v1/stock/{sku}:setPrice': {
    ...{ path: () => '/v1/stock/TEA-GREEN:setPrice', json: { unitPrice: price }, status: 200 },
    bad: badSet,
  },
  'POST /v1/stock:import': {
    ...{ path: () => '/v1/stock:import', json: [delivery], status: 200 },
    bad: { path: '/v1/stock:import', json: [{ ...delivery, quantity: 'all' }], status: 400 },
  },
  'POST /v1/orders': {
    ...{ path: () => '/v1/orders', json: order('doc-0002'), status: 201 },
    bad: { path: '/v1/orders', json: { ...order('doc-0003'), lines: [] }, status: 400 },
  },
  'GET /v1/orders/{order_id}': {
    ...{ path: () => `/v1/orders/${orderId}?expand=stock,notifications`, status: 200 },
    bad: { path: '/v1/orders/none', status: 404 },
  },
  'POST /v1/orders/{order_id}:get': {
    ...{ path: () => `/v1/orders/${orderId}:get`, json: {}, status: 200 },
    bad: { path: '/v1/orders/none:get', json: {}, status: 404 },
  },
  'GET /v1/orders/{order_id}:watch': {
    ...{ path: () => `/v1/orders/${orderId}:watch`, accept: 'application/x-ndjson', status: 200 },
    bad: { path: '/v1/orders/none:watch', status: 404 },
  },
  'GET /v1/orders/{order_id}/notifications': {
    ...{ path: () => `/v1/orders/${orderId}/notifications`, status: 200 },
    bad: { path: `/v1/orders/${'x'.repeat(500)}/notifications`, status: 400 },
  },
};

test('the document is OpenAPI 3.1, and every operation in it has an example here', () => {
  expect(faultsOfDocument(document)).toBeUndefined();
  expect([...documented.operations].sort()).toEqual(Object.keys(examples).sort());
});

describe.each(Object.entries(examples))('%s', (operation, example) => {
  const [method = ''] = operation.split(' ');

  test('answers as the document says', async () => {
    const { path, json, status } = example;
    if (json !== undefined) expect(documented.requestFaults(operation, json)).toBeUndefined();
    const accepts =
      example.accept === undefined ? ['application/json', 'application/hal+json'] : [];
    for (const accept of accepts) {
      const told = await askEdge(`${address}${path()}`, { method, json, headers: { accept } });
      const contentType = told.headers.get('content-type') ?? '';
      const answer = { status: told.status, contentType, body: told.json };
      expect([answer.status, answer]).toEqual([status, answer]);
      expect(documented.faults(operation, answer)).toBeUndefined();
    }
  });

  test('refuses as the document says', async () => {
    const { path, json, status } = example.bad;
    const told = await askEdge(`${address}${path}`, { method, json });
    const answer = { status: told.status, contentType: 'application/json', body: told.json };
    expect([answer.status, answer]).toEqual([status, answer]);
    expect(documented.faults(operation, answer)).toBeUndefined();
  });
});

test.each([
  ['application/x-ndjson', (text: string) => text.trim()],
  ['text/event-stream', (text: string) => text.replace(/^data: /, '').trim()],
])('the messages of a stream are what the document says of %s', async (contentType, messageIn) => {
  const gone = new AbortController();
  const path = `${address}/v1/orders/${orderId}:watch`;
  const answer = await fetch(path, { headers: { accept: contentType }, signal: gone.signal });
  const reader = answer.body?.getReader();
  const first: unknown = (await reader?.read())?.value;
  gone.abort();
  const body: unknown = JSON.parse(messageIn(Buffer.from(first as Uint8Array).toString()));
  const operation = 'GET /v1/orders/{order_id}:watch';
  expect(body).toHaveProperty(contentType === 'text/event-stream' ? 'orderId' : 'result.orderId');
  expect(documented.faults(operation, { status: 200, contentType, body })).toBeUndefined();
});

test('a new thing is found where the answer says, and two requests under one key are one', async () => {
  const headers = { 'idempotency-key': 'doc-0009' };
  const json = { ...order(''), idempotencyKey: undefined };
  expect(documented.requestFaults('POST /v1/orders', json)).toBeUndefined();
  const place = () => askEdge(`${address}/v1/orders`, { method: 'POST', json, headers });
  const [first, again] = [await place(), await place()];
  expect(first.headers.get('location')).toBe(`/v1/orders/${String(first.at('orderId'))}`);
  expect(again.at('orderId')).toBe(first.at('orderId'));
});
