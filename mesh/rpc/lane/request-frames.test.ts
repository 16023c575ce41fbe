import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Call, ExchangeRequest } from '../../../gen/weft/lane/v1/lane.ts';
import { formatBaggage } from '../../kernel/baggage.ts';
import { formatTraceparent } from '../../kernel/context.ts';
import {
  baggage,
  bytes,
  damaged,
  entries,
  metadata,
  plainOf,
  trace,
  uint31,
  uint32,
} from '../../testing/lane-frames.ts';
import { whole } from '../encode.ts';
import { Batch } from './batch.ts';
import { packBeside } from './pack-beside.ts';
import {
  type IncomingCall,
  type OutgoingCall,
  putCall,
  putCancel,
  RequestReader,
} from './request-frames.ts';

/** What is written by hand must be what generated code reads, and the other way round. */

const call = fc.record({
  id: uint31,
  method: uint31,
  timeoutMs: uint32,
  trace,
  previousAttempts: fc.integer({ min: 0, max: 300 }),
  baggage,
  metadata,
  body: bytes(300),
});

type GivenCall = typeof call extends fc.Arbitrary<infer T> ? T : never;

function outgoing({ metadata: given, baggage: told, body, ...rest }: GivenCall): OutgoingCall {
  const { fields } = packBeside(given, rest.trace.state, told);
  return { ...rest, body: whole(body), metadata: fields.length === 0 ? undefined : fields };
}

function generatedCall(given: GivenCall): Call {
  const { trace: at, metadata: meta, baggage: told, body, ...rest } = given;
  return {
    ...rest,
    traceparent: formatTraceparent(at),
    tracestate: at.state ?? '',
    baggage: (told && formatBaggage(told)) ?? '',
    metadata: entries(meta),
    body: Buffer.from(body),
  };
}

function seenCall(frame: IncomingCall, message: Buffer): unknown {
  const { bodyStart, bodyEnd, ...rest } = frame;
  return {
    ...rest,
    metadata: plainOf(frame.metadata),
    body: message.toString('hex', bodyStart, bodyEnd),
  };
}

function readRequests(message: Buffer): unknown[] {
  const reader = new RequestReader(message);
  const seen: unknown[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
    seen.push(frame === 'cancel' ? reader.cancelled : seenCall(reader.call, message));
  }
  return seen;
}

const expectedCall = (given: GivenCall): unknown => ({
  id: given.id,
  method: given.method,
  timeoutMs: given.timeoutMs,
  traceparent: formatTraceparent(given.trace),
  tracestate: given.trace.state,
  baggage: given.baggage && formatBaggage(given.baggage),
  previousAttempts: given.previousAttempts,
  metadata: plainOf(given.metadata),
  body: Buffer.from(given.body).toString('hex'),
});

const runs = { numRuns: 500 };

describe('requests', () => {
  test('written by hand are read by generated code', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 5 }), fc.array(uint31), (calls, cancels) => {
        const batch = new Batch();
        for (const each of calls) putCall(batch, outgoing(each));
        for (const id of cancels) putCancel(batch, id);
        const read = ExchangeRequest.decode(batch.take());
        expect(read).toEqual({ hello: undefined, calls: calls.map(generatedCall), cancels });
      }),
      runs,
    );
  });

  test('written by generated code are read by hand, with fields that are not known yet', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 5 }), fc.array(uint31), (calls, cancels) => {
        const written = ExchangeRequest.encode({
          hello: undefined,
          calls: calls.map(generatedCall),
          cancels,
        });
        written.uint32((200 << 3) | 2).string('of a later version');
        written.uint32((201 << 3) | 1).fixed64(7n);
        expect(readRequests(Buffer.from(written.finish()))).toEqual([
          ...calls.map(expectedCall),
          ...cancels,
        ]);
      }),
      runs,
    );
  });

  test('that are cut, changed or made up never do more than throw', () => {
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat(255),
        (calls, at, to) => {
          const batch = new Batch();
          for (const each of calls) putCall(batch, outgoing(each));
          for (const message of damaged(batch.take(), at, to)) {
            try {
              readRequests(message);
            } catch (thrown) {
              expect(thrown).toMatchObject({ reason: 'MALFORMED_LANE' });
            }
          }
        },
      ),
      { numRuns: 10_000 },
    );
  });
});
