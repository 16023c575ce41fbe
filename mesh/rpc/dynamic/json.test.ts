import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileImage } from '../../testing/compile-image.ts';
import { loadMethod } from './method.ts';

const image = compileImage({
  'test/v1/all.proto': `
syntax = "proto3";
package test.v1;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; }
message All {
  string some_text = 1;
  optional string maybe_text = 2;
  int64 big_number = 3;
  uint32 small_number = 4;
  double real = 5;
  bool yes = 6;
  bytes raw_bytes = 7;
  Colour some_colour = 8;
  repeated string many_texts = 9;
  map<string, int64> by_name = 10;
  map<int32, All> children = 11;
  google.protobuf.Timestamp at_time = 12;
  google.protobuf.Duration for_time = 13;
  google.protobuf.StringValue wrapped = 14;
  google.protobuf.Struct anything = 15;
  google.protobuf.Value one_value = 16;
  google.protobuf.Any packed_any = 17;
  oneof the_choice { string text_choice = 18; All all_choice = 19; }
  All inner_all = 20;
  string json_named = 21 [json_name = "sonderbar"];
  map<bool, string> by_flag = 22;
}
message GetRequest { All all = 1; }
message GetResponse { All all = 1; }
service AllService { rpc Get(GetRequest) returns (GetResponse); }`,
});
const { bridge, definition, desc } = loadMethod(
  { address: 'nowhere', services: image.services, image },
  'test.v1.AllService/Get',
);
const request = desc.input;

/** There and back: JSON, proto-loader's object, its bytes, protobuf-es, JSON. */
function throughTheWire(json: JsonValue): JsonValue {
  const object = bridge.toLoader(request, { all: json });
  const message = fromBinary(request, definition.requestSerialize(object));
  const { all: back = null } = toJson(request, message, { registry: image.registry }) as {
    all?: JsonValue;
  };
  return back;
}

const full = {
  someText: 'Grüße',
  maybeText: '',
  bigNumber: '9007199254740993',
  smallNumber: 7,
  real: 1.5,
  yes: true,
  rawBytes: 'AP8=',
  someColour: 'COLOUR_RED',
  manyTexts: ['a', ''],
  byName: { one: '1' },
  children: { '5': { someText: 'child' } },
  atTime: '2026-11-21T03:04:05.000000006Z',
  forTime: '1.500s',
  wrapped: 'inside',
  anything: { a: [1, 'two', null, { b: true }] },
  oneValue: null,
  packedAny: { '@type': 'type.googleapis.com/test.v1.GetRequest', all: { yes: true } },
  allChoice: { smallNumber: 1 },
  innerAll: { someText: 'inner' },
  sonderbar: 'named',
  byFlag: { false: 'no', true: 'yes' },
};

describe('proto3 JSON on its way through proto-loader', () => {
  test('arrives whole, whatever kind of field', () => {
    expect(throughTheWire(full)).toEqual(full);
  });

  test('may be written with the names of the proto file', () => {
    const written = {
      some_text: 'a',
      big_number: 5,
      many_texts: ['b'],
      at_time: '2026-01-01T00:00:00Z',
      text_choice: 'c',
      json_named: 'd',
      inner_all: { small_number: 1 },
      maybe_text: null,
    };
    expect(throughTheWire(written)).toEqual({
      someText: 'a',
      bigNumber: '5',
      manyTexts: ['b'],
      atTime: '2026-01-01T00:00:00Z',
      textChoice: 'c',
      sonderbar: 'd',
      innerAll: { smallNumber: 1 },
    });
  });

  test.each([
    ['an unknown field', { some_txt: 'a' }, /some_txt/],
    ['text for a number', { smallNumber: 'two' }, /small_number/],
    ['a number that does not fit', { smallNumber: -1 }, /small_number/],
    ['an unknown enum value', { someColour: 'COLOUR_GREEN' }, /COLOUR_GREEN/],
    ['no timestamp', { atTime: 'yesterday' }, /Timestamp/],
    ['two cases of a oneof', { textChoice: 'a', allChoice: {} }, /the_choice|oneof/],
    ['a list in place of a message', [], /All/],
  ])('is refused before it is sent: %s', (_what, json, says) => {
    expect(() => throughTheWire(json)).toThrow(says);
    expect(() => throughTheWire(json)).toThrow(/the request is no test\.v1\.GetRequest/);
  });

  test('comes back with defaults, canonical names, and NaN as text', () => {
    const bytes = definition.requestSerialize(bridge.toLoader(request, { all: { real: 'NaN' } }));
    const answer = definition.requestDeserialize(Buffer.from(bytes));
    expect(bridge.fromLoader(request, answer)).toEqual({
      all: {
        someText: '',
        bigNumber: '0',
        smallNumber: 0,
        real: 'NaN',
        yes: false,
        rawBytes: '',
        someColour: 'COLOUR_UNSPECIFIED',
        manyTexts: [],
        byName: {},
        children: {},
        byFlag: {},
        sonderbar: '',
      },
    });
  });

  test('survives any text and any integer', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (some, big) => {
        const json = { someText: some, bigNumber: String(big), byName: { [some]: String(big) } };
        const back = throughTheWire(json) as Partial<typeof json>;
        expect(back.someText ?? '').toBe(some);
        expect(back.bigNumber ?? '0').toBe(String(big));
        expect(back.byName).toEqual(json.byName);
      }),
      { numRuns: 200 },
    );
  });
});
