import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PlaceOrderRequest } from '../../gen/shop/orders/v1/orders.ts';
import type { PickOrdersRequest } from '../../gen/shop/warehouse/v1/warehouse.ts';
import { compileImage } from '../testing/compile-image.ts';
import { weftImage } from './image.ts';
import { createValidator } from './validate.ts';

const order = PlaceOrderRequest.create({
  idempotencyKey: 'key-00000001',
  customerId: 'cus_1',
  cardToken: 'tok_visa',
  lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
});

describe('the rules of the shop', () => {
  const validator = createValidator(weftImage());
  const check = (message: object): unknown[] =>
    validator.check('shop.orders.v1.PlaceOrderRequest', message);

  test('a good order breaks nothing', () => {
    expect(check(order)).toEqual([]);
  });

  test('an empty order names everything that is missing', () => {
    expect(check(PlaceOrderRequest.create({}))).toEqual([
      expect.objectContaining({ field: 'idempotency_key', reason: 'REQUIRED' }),
      expect.objectContaining({ field: 'customer_id', reason: 'REQUIRED' }),
      {
        field: 'lines',
        reason: 'MIN_ITEMS',
        description: 'must have at least 1 element; received 0',
      },
      expect.objectContaining({ field: 'card_token', reason: 'REQUIRED' }),
    ]);
  });

  test('a negative quantity is found in its line, with what was received', () => {
    const lines = [...order.lines, { sku: 'TEA-GREEN', quantity: -3 }];
    expect(check({ ...order, lines })).toEqual([
      {
        field: 'lines[1].quantity',
        reason: 'MIN',
        description: 'must be at least 1; received -3',
      },
    ]);
  });

  test('one value can break several rules, and a long one is cut', () => {
    const [form, more] = check({ ...order, idempotencyKey: 'é ü' });
    expect(form).toMatchObject({ field: 'idempotency_key', reason: 'FORM' });
    expect(more).toMatchObject({ reason: 'MIN_LEN' });
    const [long] = check({ ...order, customerId: 'x'.repeat(1000) });
    expect(long).toMatchObject({ description: expect.stringContaining(`"${'x'.repeat(40)}"…`) });
  });

  test('inside a oneof only the chosen case is checked', () => {
    const of = (message: PickOrdersRequest): unknown[] =>
      validator.check('shop.warehouse.v1.PickOrdersRequest', message);
    const value = { terminalId: '', capacity: 0 };
    expect(of({ message: { $case: 'ready', value } })).toEqual([
      expect.objectContaining({ field: 'ready.terminal_id', reason: 'REQUIRED' }),
      expect.objectContaining({ field: 'ready.capacity', reason: 'MIN' }),
    ]);
    expect(of({ message: undefined })).toEqual([]);
    expect(of({ message: { $case: 'packed', value: { orderId: 'ord_1' } } })).toEqual([]);
  });

  test('a list that is too long is not read, and a hostile one buys a short answer', () => {
    const bad = { sku: 'no good', quantity: 0 };
    const tooMany = { ...order, lines: new Array<typeof bad>(101).fill(bad) };
    expect(check(tooMany)).toEqual([
      expect.objectContaining({ field: 'lines', reason: 'MAX_ITEMS' }),
    ]);
    const full = { ...order, lines: new Array<typeof bad>(100).fill(bad) };
    expect(check(full)).toHaveLength(100);
  });

  test('a type without rules needs no check, an unknown one is an error', () => {
    expect(validator.compile('shop.warehouse.v1.GetPickResponse')).toBeUndefined();
    expect(validator.check('shop.warehouse.v1.GetPickResponse', {})).toEqual([]);
    expect(() => validator.check('shop.orders.v1.Nothing', {})).toThrow(/make gen/);
  });
});

const fixture = `
syntax = "proto3";
package test.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "weft/v1/options.proto";
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; }
message Sample {
  string plain_text = 1 [(weft.v1.rules) = { min_len: 2, max_len: 4 }];
  optional string maybe_text = 2 [(weft.v1.rules) = { min_len: 2 }];
  string pattern_text = 3 [(weft.v1.rules) = { pattern: "a|bc" }];
  int64 big = 4 [(weft.v1.rules) = { min: -9007199254740993, max: 9007199254740993 }];
  optional double ratio = 5 [(weft.v1.rules) = { required: true, min: 0, max: 1 }];
  Colour colour = 6 [(weft.v1.rules) = { required: true }];
  google.protobuf.Timestamp at = 7 [(weft.v1.rules) = { required: true }];
  bytes raw_bytes = 8 [(weft.v1.rules) = { required: true, max_len: 3 }];
  repeated string tags = 9 [(weft.v1.rules) = { max_items: 2, form: FORM_ID }];
  map<string, int32> counts = 10 [(weft.v1.rules) = { min_items: 1, min: 1 }];
  map<int64, Sample> by_number = 11;
  google.protobuf.StringValue wrapped = 12 [(weft.v1.rules) = { form: FORM_CURRENCY }];
  oneof the_choice {
    string text_choice = 13 [(weft.v1.rules) = { min_len: 2 }];
    Sample sample_choice = 14;
  }
  Sample child = 15;
}`;

interface Sample {
  plainText: string;
  maybeText: string | undefined;
  patternText: string;
  big: bigint;
  ratio: number | undefined;
  colour: number;
  at: object | undefined;
  rawBytes: Buffer;
  tags: string[];
  counts: Record<string, number>;
  byNumber: Map<bigint, Sample>;
  wrapped: string | undefined;
  theChoice:
    | { $case: 'textChoice'; value: string }
    | { $case: 'sampleChoice'; value: Sample }
    | undefined;
  child: Sample | undefined;
}

describe('the checker against a naive reading of the rules', () => {
  const validator = createValidator(compileImage({ 'test/v1/sample.proto': fixture }));

  test('finds exactly the same breaches, in every kind of field', () => {
    fc.assert(
      fc.property(samples, (sample) => {
        const found = validator.check('test.v1.Sample', sample);
        expect(found.map(({ field, reason }) => `${field} ${reason ?? ''}`).sort()).toEqual(
          naive(sample).sort(),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('what no breach is looked for in may be anything at all', () => {
    fc.assert(
      fc.property(fc.object(), (anything) => {
        expect(Array.isArray(validator.check('test.v1.Sample', anything))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

/** The rules of the fixture, written out by hand and read one after the other. */
function naive(sample: Sample, path = ''): string[] {
  const broken = [...naiveSingles(sample), ...naiveElements(sample)];
  const own = broken.filter(([isBroken]) => isBroken).map(([, breach]) => `${path}${breach}`);
  const inside = [...sample.byNumber].map(([key, value]): [string, Sample] => [
    `by_number["${String(key)}"]`,
    value,
  ]);
  if (sample.theChoice?.$case === 'sampleChoice') {
    inside.push(['sample_choice', sample.theChoice.value]);
  }
  if (sample.child) inside.push(['child', sample.child]);
  return [...own, ...inside.flatMap(([name, inner]) => naive(inner, `${path}${name}.`))];
}

type Breach = [boolean, string];

function naiveSingles({ plainText, maybeText = 'xx', big, ratio, ...sample }: Sample): Breach[] {
  const length = [...plainText].length;
  const share = ratio ?? 0;
  const choice = sample.theChoice?.$case === 'textChoice' ? sample.theChoice.value : 'xx';
  return [
    [length > 0 && length < 2, 'plain_text MIN_LEN'],
    [length > 4, 'plain_text MAX_LEN'],
    [[...maybeText].length < 2, 'maybe_text MIN_LEN'],
    [!['', 'a', 'bc'].includes(sample.patternText), 'pattern_text PATTERN'],
    [big < -9007199254740993n, 'big MIN'],
    [big > 9007199254740993n, 'big MAX'],
    [ratio === undefined, 'ratio REQUIRED'],
    [share < 0 || Number.isNaN(share), 'ratio MIN'],
    [share > 1 || Number.isNaN(share), 'ratio MAX'],
    [sample.colour === 0, 'colour REQUIRED'],
    [sample.at === undefined, 'at REQUIRED'],
    [sample.rawBytes.length === 0, 'raw_bytes REQUIRED'],
    [sample.rawBytes.length > 3, 'raw_bytes MAX_LEN'],
    [!/^[A-Z]{3}$/.test(sample.wrapped ?? 'EUR'), 'wrapped FORM'],
    [[...choice].length < 2, 'text_choice MIN_LEN'],
  ];
}

function naiveElements({ tags, counts }: Sample): Breach[] {
  const read = tags.length > 2 ? [] : tags;
  return [
    [tags.length > 2, 'tags MAX_ITEMS'],
    ...read.map((tag, i): Breach => [!/^[\w-]{1,64}$/.test(tag), `tags[${String(i)}] FORM`]),
    [Object.keys(counts).length < 1, 'counts MIN_ITEMS'],
    ...Object.entries(counts).map(
      ([key, count]): Breach => [count < 1, `counts[${JSON.stringify(key)}] MIN`],
    ),
  ];
}

const text = fc.oneof(fc.constantFrom('', 'a', 'bc', 'EUR', '😀', '\ud800'), fc.string());
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** A sample whose inner samples are `inner`: two levels stay below the hundred breaches of an answer. */
function sampleAround(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  return fc.record({
    plainText: text,
    maybeText: maybe(text),
    patternText: fc.constantFrom('', 'a', 'bc', 'ab', 'abc', 'a\n'),
    big: fc.bigInt({ min: -9007199254740995n, max: 9007199254740995n }),
    ratio: maybe(fc.double()),
    colour: fc.nat(2),
    at: maybe(fc.constant({ seconds: 0n, nanos: 0 })),
    rawBytes: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    tags: fc.array(text, { maxLength: 3 }),
    counts: fc.dictionary(fc.stringMatching(/^\w{0,3}$/), fc.integer({ min: -1, max: 2 }), {
      maxKeys: 2,
    }),
    byNumber: fc
      .array(fc.tuple(fc.bigInt({ min: -3n, max: 3n }), inner), { maxLength: 1 })
      .map((entries) => new Map(entries)),
    wrapped: maybe(text),
    theChoice: fc.oneof(
      fc.constant(undefined),
      fc.record({ $case: fc.constant('textChoice' as const), value: text }),
      fc.record({ $case: fc.constant('sampleChoice' as const), value: inner }),
    ),
    child: maybe(inner),
  });
}

const nothing: Sample = {
  plainText: '',
  maybeText: undefined,
  patternText: '',
  big: 0n,
  ratio: 0,
  colour: 1,
  at: {},
  rawBytes: Buffer.from('x'),
  tags: [],
  counts: { a: 1 },
  byNumber: new Map(),
  wrapped: undefined,
  theChoice: undefined,
  child: undefined,
};

const samples = sampleAround(sampleAround(fc.constant(nothing)));
