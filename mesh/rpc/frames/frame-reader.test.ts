import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { prefixBytes } from '../grpc-internals.ts';
import { FrameReader, putPrefix } from './frame-reader.ts';

const limit = 1000;
const faults = {
  compressed: () => new Error('it is compressed'),
  tooLong: (length: number, most: number) =>
    new Error(`it has ${String(length)} bytes, and ${String(most)} are taken`),
};
const messages = fc.array(fc.uint8Array({ maxLength: limit }), { maxLength: 8, size: 'max' });
/** Where a stream of bytes is cut; each number is how far the next piece goes. */
const cuts = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 });

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(prefixBytes + message.length);
  putPrefix(frame, 0, message.length);
  frame.set(message, prefixBytes);
  return frame;
}

function read(reader: FrameReader): Buffer[] {
  const got: Buffer[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) got.push(next);
  return got;
}

/** The stream in pieces, cut in turn by the numbers of `cuts`. */
function* piecesOf(stream: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    yield stream.subarray(at, at + length);
    at += length;
  }
}

describe('a reader of frames', () => {
  test('gives the messages that were sent, in their order, wherever their bytes were cut', () => {
    fc.assert(
      fc.property(messages, cuts, (sent, lengths) => {
        const reader = new FrameReader(limit, faults);
        const got: Buffer[] = [];
        for (const piece of piecesOf(Buffer.concat(sent.map(framed)), lengths)) {
          reader.push(piece);
          got.push(...read(reader));
        }
        expect(got.map((each) => [...each])).toEqual(sent.map((each) => [...each]));
      }),
      { numRuns: 2000 },
    );
  });

  test('gives none before its last byte is here', () => {
    const reader = new FrameReader(limit, faults);
    const frame = framed(Buffer.from('tea'));
    reader.push(frame.subarray(0, frame.length - 1));
    expect(read(reader)).toEqual([]);
    reader.push(frame.subarray(frame.length - 1));
    expect(read(reader).map(String)).toEqual(['tea']);
  });

  test('takes what comes before what came was asked for', () => {
    const reader = new FrameReader(limit, faults);
    for (const text of ['one', 'two', 'three']) reader.push(framed(Buffer.from(text)));
    expect(read(reader).map(String)).toEqual(['one', 'two', 'three']);
  });

  test('refuses a message by its prefix alone: one that is too large, one that is compressed', () => {
    const large = new FrameReader(limit, faults);
    large.push(Buffer.from([0, 0, 0, 3, 0xe9]));
    expect(() => large.next()).toThrow(/it has 1001 bytes, and 1000 are taken/);
    const packed = new FrameReader(limit, faults);
    packed.push(Buffer.from([1, 0, 0, 0, 1]));
    expect(() => packed.next()).toThrow(/it is compressed/);
  });
});
