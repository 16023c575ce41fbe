import { BinaryReader } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Status } from '../../../gen/google/rpc/status.ts';
import { ExchangeResponse, type Reply } from '../../../gen/weft/lane/v1/lane.ts';
import { bytes, damaged, entries, metadata, plainOf, uint31 } from '../../testing/lane-frames.ts';
import { whole } from '../encode.ts';
import { Batch } from './batch.ts';
import { packEntries } from './entries.ts';
import {
  headerTag,
  type IncomingReply,
  type OutgoingReply,
  putGoAway,
  putReply,
  ResponseReader,
  trailerTag,
} from './response-frames.ts';

/** What is written by hand must be what generated code reads, and the other way round. */

const status = fc.record({
  code: fc.nat(16),
  message: fc.string({ unit: 'binary' }),
  details: fc.constant<Status['details']>([]),
});
const failure = fc.record({
  status: fc.integer({ min: 1, max: 16 }),
  message: fc.string({ unit: 'grapheme', maxLength: 200, size: 'max' }),
  details: status,
  pushbackMs: fc.option(fc.integer({ min: -1, max: 0x7fff_ffff }), { nil: undefined }),
  refused: fc.boolean(),
});
const reply = fc.record({
  id: uint31,
  body: bytes(300),
  failure: fc.option(failure, { nil: undefined }),
  header: metadata,
  trailer: metadata,
});

type GivenReply = typeof reply extends fc.Arbitrary<infer T> ? T : never;

function outgoingReply(given: GivenReply): OutgoingReply {
  const fields = Buffer.concat([
    packEntries(given.header, headerTag).fields,
    packEntries(given.trailer, trailerTag).fields,
  ]);
  return {
    id: given.id,
    body: whole(given.body),
    failure: given.failure && {
      ...given.failure,
      details: Status.encode(given.failure.details).finish(),
    },
    metadata: fields.length === 0 ? undefined : fields,
  };
}

/** An empty Status is no field at all when it is written by hand. */
function detailsOf({ failure: given }: GivenReply): Status | undefined {
  if (given === undefined) return undefined;
  return Status.encode(given.details).finish().length > 0 ? given.details : undefined;
}

function generatedReply(given: GivenReply): Reply {
  return {
    id: given.id,
    status: given.failure?.status ?? 0,
    message: given.failure?.message ?? '',
    body: Buffer.from(given.body),
    header: entries(given.header),
    trailer: entries(given.trailer),
    details: detailsOf(given),
    pushbackMs: given.failure?.pushbackMs,
    refused: given.failure?.refused ?? false,
  };
}

function seenReply(frame: IncomingReply, message: Buffer): unknown {
  const { bodyStart, bodyEnd, details, header, trailer, ...rest } = frame;
  return {
    ...rest,
    body: message.toString('hex', bodyStart, bodyEnd),
    details: details === undefined ? undefined : Status.decode(details),
    header: plainOf(header),
    trailer: plainOf(trailer),
  };
}

function readResponses(message: Buffer): unknown[] {
  const reader = new ResponseReader(message);
  const seen: unknown[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
    seen.push(frame === 'reply' ? seenReply(reader.reply, message) : { lastId: reader.lastId });
  }
  return seen;
}

function expectedReply(given: GivenReply): unknown {
  const { body, ...rest } = generatedReply(given);
  return {
    ...rest,
    body: body.toString('hex'),
    header: plainOf(given.header),
    trailer: plainOf(given.trailer),
  };
}

const runs = { numRuns: 500 };

describe('responses', () => {
  test('written by hand are read by generated code', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 5 }), uint31, (replies, lastId) => {
        const batch = new Batch();
        for (const each of replies) putReply(batch, outgoingReply(each));
        putGoAway(batch, lastId);
        const read = ExchangeResponse.decode(batch.take());
        const given = replies.map(generatedReply);
        expect(read).toEqual({ welcome: undefined, replies: given, goAway: { lastId } });
      }),
      runs,
    );
  });

  test('written by generated code are read by hand', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 5 }), uint31, (replies, lastId) => {
        const written = ExchangeResponse.encode({
          welcome: undefined,
          replies: replies.map(generatedReply),
          goAway: { lastId },
        }).finish();
        expect(readResponses(Buffer.from(written))).toEqual([
          ...replies.map(expectedReply),
          { lastId },
        ]);
      }),
      runs,
    );
  });

  test('that are cut, changed or made up never do more than throw', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat(255),
        (replies, at, to) => {
          const batch = new Batch();
          for (const each of replies) putReply(batch, outgoingReply(each));
          for (const message of damaged(batch.take(), at, to)) {
            const reader = new ResponseReader(message);
            try {
              while (reader.next() !== undefined);
            } catch (thrown) {
              expect(thrown).toMatchObject({ reason: 'MALFORMED_LANE' });
            }
          }
        },
      ),
      { numRuns: 10_000 },
    );
  });

  test('leave the body where it is, for the reader of its type', () => {
    const batch = new Batch();
    const body = Status.encode({ code: 3, message: 'a body like any other', details: [] }).finish();
    const ok = { failure: undefined, metadata: undefined };
    putReply(batch, { id: 7, body: whole(body), ...ok });
    const message = batch.take();
    const reader = new ResponseReader(message);
    reader.next();
    const bodies = new BinaryReader(message);
    bodies.pos = reader.reply.bodyStart;
    const { bodyStart, bodyEnd } = reader.reply;
    expect(Status.decode(bodies, bodyEnd - bodyStart).message).toBe('a body like any other');
  });
});

describe('a batch', () => {
  test('never changes once it was taken, however much follows', () => {
    fc.assert(
      fc.property(fc.array(bytes(9000), { minLength: 1, maxLength: 40, size: 'max' }), (bodies) => {
        const batch = new Batch();
        const taken = bodies.map((body, id) => {
          putReply(batch, { id, body: whole(body), failure: undefined, metadata: undefined });
          const message = batch.take();
          return { message, copy: Buffer.from(message) };
        });
        for (const { message, copy } of taken) expect(message.equals(copy)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
