import specs from '@asyncapi/specs';
import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { weftImage } from '../../schema/image.ts';
import { compileImage } from '../../testing/compile-image.ts';
import { asyncApiOf } from './document.ts';

const document = asyncApiOf(weftImage(), { title: 'The stories', version: '1.0.0' });

/** The part of the document that a reference names; undefined if there is none. */
function at(reference: string, within: unknown = document): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], within);
}

function refsIn(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) =>
    name === '$ref' ? [String(value)] : refsIn(value),
  );
}

test('the document is AsyncAPI 3.0 by the official schema', () => {
  const schema: object = specs.schemasWithoutId['3.0.0'];
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile(schema);
  validate(document);
  expect(validate.errors).toBeNull();
});

test('whatever it refers to is there', () => {
  const missing = refsIn(document).filter((reference) => at(reference) === undefined);
  expect(missing).toEqual([]);
});

test('every message that travels is in its channel, and is sent and received', () => {
  for (const [typeName, { channel }] of weftImage().events) {
    expect(at(`#/channels/${channel}/messages/${typeName}`)).toBeDefined();
    expect(at(`#/operations/send.${typeName}`)).toMatchObject({ action: 'send' });
    expect(at(`#/operations/receive.${typeName}`)).toMatchObject({ action: 'receive' });
  }
});

test('a command says its partitions, its owner, and what it is replied with', () => {
  expect(at('#/channels/kitchen-orders')).toMatchObject({
    address: 'kitchen-orders.{partition}.{type}',
    parameters: { partition: { enum: ['0', '1', '2', '3'] }, type: { enum: ['PrepareDish'] } },
    ...{ 'x-weft-kind': 'command', 'x-weft-partitions': 4, 'x-weft-owner': 'kitchen' },
  });
  expect(at('#/operations/send.bistro.kitchen.v1.PrepareDish')).toMatchObject({
    reply: {
      address: { location: '$message.header#/weft-reply-to' },
      channel: { $ref: '#/channels/weft-replies' },
    },
  });
  expect(at('#/components/messages/bistro.kitchen.v1.DishReady')).toMatchObject({
    correlationId: { location: '$message.header#/ce-causationid' },
  });
});

test('a channel of documents keeps the latest of each key', () => {
  expect(at('#/channels/kitchen-menus')).toMatchObject({
    address: 'kitchen-menus.{type}.{key}',
    'x-weft-retention': { keep: 'latest' },
  });
});

test('bodies are described with comments and rules, of nested messages too', () => {
  expect(at('#/components/schemas/shop.orders.v1.OrderConfirmed')).toMatchObject({
    description: expect.stringMatching(/^OrderConfirmed: the stock is reserved/),
    properties: {
      orderId: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'The order.' },
      lines: { minItems: 1, items: { $ref: '#/components/schemas/shop.orders.v1.OrderLine' } },
      occurredAt: { type: 'string', format: 'date-time' },
    },
    required: ['orderId', 'customerId', 'total'],
  });
  expect(at('#/components/schemas/shop.money.v1.Money')).toMatchObject({
    properties: { minorUnits: { type: 'string', format: 'int64' } },
  });
});

test('an image in which nothing travels has a document too', () => {
  const image = compileImage({ 'a/v1/a.proto': 'syntax = "proto3"; package a.v1; message A {}' });
  const { channels, operations } = asyncApiOf(image, { title: 'Nothing', version: '1' });
  expect([channels, operations]).toEqual([{}, {}]);
});
