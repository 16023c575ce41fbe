import { isUtf8 } from 'node:buffer';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GetOrderRequest, Order } from '../../gen/shop/orders/v1/orders.ts';
import { decodeMessage } from './decode.ts';

const text = fc.string({ unit: 'binary', maxLength: 80, size: 'max' });
const order = fc
  .record({
    orderId: text,
    customerId: text,
    lines: fc.array(fc.record({ sku: text, quantity: fc.integer({ min: 1, max: 1000 }) })),
  })
  .map((fields) => Order.fromPartial(fields));

/** A message with something in front of it and behind it, as in a message of a lane. */
function between(bytes: Uint8Array, before: number, after: number): [Buffer, number, number] {
  const all = Buffer.concat([Buffer.alloc(before, 255), bytes, Buffer.alloc(after, 8)]);
  return [all, before, before + bytes.length];
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : thrown;
  }
}

describe('decoding with one reader', () => {
  test('gives what a reader of its own gives, wherever the message stands', () => {
    fc.assert(
      fc.property(order, fc.nat(40), fc.nat(40), (given, before, after) => {
        const bytes = Order.encode(given).finish();
        const read = decodeMessage(Order, ...between(bytes, before, after));
        expect(read).toEqual(Order.decode(new BinaryReader(bytes, strict)));
      }),
      { numRuns: 2000 },
    );
  });

  test('says of damaged bytes what a reader of their own says, and never reads what stands behind them', () => {
    fc.assert(
      fc.property(order, fc.nat(), fc.nat(255), fc.nat(40), (given, at, byte, after) => {
        const bytes = Buffer.from(Order.encode(given).finish());
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        const alone = outcome(() => Order.decode(new BinaryReader(bytes, strict)));
        const among = outcome(() => decodeMessage(Order, ...between(bytes, 7, after)));
        expect(among).toEqual(alone);
      }),
      { numRuns: 5000 },
    );
  });

  test('reads the next message after one that could not be read', () => {
    const good = GetOrderRequest.encode({ orderId: 'ord_1' }).finish();
    for (const bad of [[10], [10, 200], [18, 3, 1], [10, 2, 0xc3, 0x28]]) {
      expect(() => decodeMessage(Order, Buffer.from(bad), 0, bad.length)).toThrow();
      expect(decodeMessage(GetOrderRequest, good, 0, good.length)).toEqual({ orderId: 'ord_1' });
    }
  });

  test('refuses a text that is not UTF-8, short and long', () => {
    for (const length of [2, 20, 40]) {
      const writer = new BinaryWriter().uint32(10).bytes(Buffer.alloc(length, 0xff));
      const bytes = writer.finish();
      expect(() => decodeMessage(GetOrderRequest, bytes, 0, bytes.length)).toThrow('UTF-8');
    }
  });
});

function strict(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new Error('a string is not valid UTF-8');
  return Buffer.from(bytes).toString('utf8');
}
