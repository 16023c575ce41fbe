import { describe, expect, test } from '@jest/globals';
import { FileDescriptorProto } from '../../gen/google/protobuf/descriptor.ts';
import { MeshError } from '../kernel/error.ts';
import { compileImage } from '../testing/compile-image.ts';
import { commentOf } from './comments.ts';
import { imageOfFiles, loadImage, mergeImages, readImage, weftImage } from './image.ts';

const proto = (body: string): string =>
  `syntax = "proto3"; package test.v1; import "weft/v1/options.proto"; ${body}`;

describe('an image', () => {
  test('gives the files as the compiler wrote them, custom options included', () => {
    const file = weftImage().files.get('shop/orders/v1/orders.proto');
    const bytes = Buffer.from(file?.bytes ?? []);
    expect(FileDescriptorProto.decode(bytes).dependency).toContain('weft/v1/options.proto');
    // The tag of (weft.v1.policy) as a varint: 50801 << 3 | 2.
    expect(bytes.includes(Buffer.from([0x8a, 0xe7, 0x18]))).toBe(true);
  });

  test('names its services, sorted', () => {
    const { services } = weftImage();
    expect(services).toContain('shop.orders.v1.OrdersService');
    expect(services).toEqual([...services].sort());
  });

  test('knows where an event travels and which field orders it', () => {
    expect(weftImage().event('shop.orders.v1.OrderConfirmed')).toEqual({
      channel: 'shop-orders',
      keyField: 'orderId',
      partitions: 0,
      kind: 'event',
    });
    expect(weftImage().event('bistro.kitchen.v1.PrepareDish')).toEqual({
      ...{ kind: 'command', channel: 'kitchen-orders', keyField: 'table', partitions: 4 },
      ...{ owner: 'kitchen', reply: 'bistro.kitchen.v1.DishReady' },
    });
    expect(weftImage().event('bistro.kitchen.v1.Menu')?.kind).toBe('document');
    expect(weftImage().event('shop.orders.v1.Order')).toBeUndefined();
  });

  test('merged with itself is itself, and with another one holds the files of both once', () => {
    const own = weftImage();
    expect(mergeImages([own, own])).toBe(own);
    const other = compileImage({ 'test/v1/test.proto': proto('message M { string a = 1; }') });
    const both = mergeImages([own, other]);
    expect(both.registry.getMessage('test.v1.M')).toBeDefined();
    expect(both.registry.getMessage('shop.orders.v1.Order')).toBeDefined();
    expect(both.files.size).toBe(own.files.size + 1);
  });

  test('can be put together again from its files', () => {
    const own = weftImage();
    const again = imageOfFiles([...own.files.values()].map((file) => file.bytes));
    expect(again.services).toEqual(own.services);
    expect(again.event('shop.orders.v1.OrderDeclined')).toEqual(
      own.event('shop.orders.v1.OrderDeclined'),
    );
  });
});

describe('the descriptors of an image', () => {
  const { registry } = loadImage(weftImage().bytes);

  test('are made once, whatever is asked for first', () => {
    const order = registry.getMessage('shop.orders.v1.Order');
    const money = order?.fields.find(({ name }) => name === 'total')?.message;
    expect(money?.typeName).toBe('shop.money.v1.Money');
    expect(registry.getMessage('shop.money.v1.Money')).toBe(money);
    expect([...registry].find(({ typeName }) => typeName === 'shop.orders.v1.Order')).toBe(order);
  });

  test('are those of all files to whoever goes through them', () => {
    expect([...registry.files].map(({ proto }) => proto.name)).toEqual([
      ...weftImage().files.keys(),
    ]);
    const names = [...registry].map(({ typeName }) => typeName);
    expect(names.filter((name) => registry.get(name) === undefined)).toEqual([]);
  });

  test('are found by kind: messages, enums, services and extensions, nested ones too', () => {
    expect(registry.getService('shop.orders.v1.OrdersService')?.methods.length).toBeGreaterThan(0);
    expect(registry.getEnum('google.protobuf.FieldDescriptorProto.Type')?.kind).toBe('enum');
    expect(registry.getMessage('shop.orders.v1.OrdersService')).toBeUndefined();
    const fieldOptions = registry.getMessage('google.protobuf.FieldOptions');
    const rules = fieldOptions && registry.getExtensionFor(fieldOptions, 50_803);
    expect(rules).toBe(registry.getExtension('weft.v1.rules'));
    expect(rules?.kind).toBe('extension');
    expect(registry.get('shop.orders.v1.Nobody')).toBeUndefined();
  });

  test('hold the comments of the contract', () => {
    const service = registry.getService('shop.orders.v1.OrdersService');
    expect(service && commentOf(service)).toMatch(/^OrdersService /);
  });

  test('are refused by the name of the file where what it imports is not there', () => {
    const orders = weftImage().files.get('shop/orders/v1/orders.proto');
    const torn = imageOfFiles(orders === undefined ? [] : [orders.bytes]);
    expect(() => torn.registry.getMessage('shop.orders.v1.Order')).toThrow(
      /the image cannot be used: shop\/orders\/v1\/orders.proto: /,
    );
  });
});

describe('an image that cannot be used', () => {
  test('bytes that are no descriptor set are refused with what writes one', () => {
    const bytes = Buffer.from('this is no image');
    expect(() => loadImage(bytes)).toThrow(/are no image.*buf build/);
    expect(() => readImage('/nowhere/image.binpb')).toThrow(/no image at .*make gen/);
  });

  test('every option that cannot be meant is named in one error', () => {
    const faulty = proto(`
      message Faulty {
        int32 a = 1 [(weft.v1.rules) = { form: FORM_ID }];
        string b = 2 [(weft.v1.rules) = { pattern: "[" }];
        string c = 3 [(weft.v1.rules) = { min: 1 }];
        int32 d = 4 [(weft.v1.rules) = { required: true }];
        repeated string e = 5 [(weft.v1.rules) = { required: true }];
        string f = 6 [(weft.v1.rules) = { min_items: 1 }];
        int64 g = 7 [(weft.v1.rules) = { min: 2, max: 1 }];
        oneof choice { string h = 8 [(weft.v1.rules) = { required: true }]; }
        string i = 9 [(weft.v1.rules) = { min_len: 5, max_len: 4 }];
      }
      message Event {
        option (weft.v1.event) = { channel: "a.b", key: "number" };
        int32 number = 1;
      }
      message Fine {
        option (weft.v1.event) = { channel: "fine", key: "id", partitions: 256 };
        string id = 1;
      }
      message Order {
        option (weft.v1.command) = { channel: "weft-x", key: "id", reply: "test.v1.Nobody" };
        string id = 1;
      }
      message Both {
        option (weft.v1.event) = { channel: "both", key: "id" };
        option (weft.v1.document) = { channel: "both", key: "id" };
        string id = 1;
      }
      message Mixed {
        option (weft.v1.command) = { channel: "both", key: "id", owner: "orders" };
        string id = 1;
      }
      message Many {
        option (weft.v1.event) = { channel: "fine", key: "id", partitions: 257 };
        string id = 1;
      }`);
    const thrown = thrownBy(() => compileImage({ 'test/v1/faulty.proto': faulty }));
    expect(thrown).toBeInstanceOf(MeshError);
    expect(thrown).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_SCHEMA' });
    const message = String(thrown);
    for (const part of [
      'test.v1.Faulty.a: form is for string, this is number',
      'test.v1.Faulty.b: pattern "[" does not compile',
      'test.v1.Faulty.c: min is for number, this is string',
      'test.v1.Faulty.d: a number without presence is always set',
      'test.v1.Faulty.e: required is for single fields; say min_items: 1',
      'test.v1.Faulty.f: min_items and max_items are for repeated fields and maps',
      'test.v1.Faulty.g: min is above max',
      'test.v1.Faulty.h: a member of a oneof cannot be required',
      'test.v1.Faulty.i: min_len is above max_len',
      'test.v1.Event: "a.b" cannot be the channel of an event',
      'test.v1.Event: key "number" must name a string field',
      'test.v1.Many: partitions 257 is above 256',
      'test.v1.Order: channel "weft-x" is weft\'s own',
      'test.v1.Order: "" is not a service name',
      'test.v1.Order: reply "test.v1.Nobody" must be the full name of a message',
      'test.v1.Both: is both event and document',
      'channel both: its messages must agree on what they are; test.v1.Both says event, test.v1.Mixed says command',
      'channel both: its messages must agree on their owner; test.v1.Both says nothing, test.v1.Mixed says orders',
      'channel fine: its messages must agree on partitions; test.v1.Fine says 256, test.v1.Many says 257',
    ]) {
      expect(message).toContain(part);
    }
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}
