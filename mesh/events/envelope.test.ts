import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Envelope, fromHeaders, toHeaders } from './envelope.ts';

const envelope: Envelope = {
  id: '01J0000000000000000000000',
  type: 'shop.orders.v1.OrderConfirmed',
  source: 'orders',
  timeMs: 1_700_000_000_123,
  key: 'order-1',
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
};

test('an envelope comes back from its headers as it went in', () => {
  expect(fromHeaders(toHeaders(envelope))).toEqual(envelope);
});

const id = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20, size: 'max' })
  .filter((it) => /^\P{Cc}{1,200}$/u.test(it));
const time = fc.integer({ min: 0, max: 8.64e15 });
const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .bigInt({ min: 1n, max: 16n ** BigInt(digits) - 1n })
    .map((it) => it.toString(16).padStart(digits, '0'));
const text = fc.string({ unit: 'binary' }).map((it) => it.toWellFormed());
const anyEnvelope = fc.record(
  {
    ...{ id, type: text.filter((it) => it !== ''), source: text, timeMs: time, key: text },
    trace: fc.record(
      {
        ...{ traceId: hex(32), spanId: hex(16), flags: fc.constantFrom(0, 2, 3) },
        state: fc.constantFrom('rojo=1', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'),
      },
      { requiredKeys: ['traceId', 'spanId'] },
    ),
    baggage: fc
      .dictionary(fc.stringMatching(/^[a-z]{1,4}$/), text, { minKeys: 1, maxKeys: 3 })
      .map((told) => new Map(Object.entries(told).map(([name, value]) => [name, { value }]))),
    ...{ correlationId: id, causationId: id, expiresMs: time },
    replyTo: fc.constantFrom('waiter', 'a', 'order-2'),
  },
  { requiredKeys: ['id', 'type', 'source', 'timeMs', 'key'] },
);

test('any envelope comes back from headers, and no header breaks out of its line', () => {
  fc.assert(
    fc.property(anyEnvelope, (written) => {
      const headers = toHeaders(written);
      for (const value of Object.values(headers)) expect(value).toMatch(/^[!-~]*$/);
      expect(fromHeaders(headers)).toEqual(written);
    }),
  );
});

test('the trace of others is read as CloudEvents names it, and a state only with its own trace', () => {
  const traceId = 'c'.repeat(32);
  const theirs = `00-${traceId}-${'d'.repeat(16)}-01`;
  const traceOf = (more: Readonly<Record<string, string>>): unknown =>
    fromHeaders({ 'ce-id': '1', 'ce-type': 'a.B', ...more })?.trace;
  const attributes = { 'ce-traceparent': theirs, 'ce-tracestate': 'rojo=1' };
  expect(traceOf(attributes)).toMatchObject({ traceId, state: 'rojo=1' });
  const { traceparent = '' } = toHeaders(envelope);
  expect(traceOf({ ...attributes, traceparent })).toEqual(envelope.trace);
  expect(traceOf({ tracestate: 'rojo=1' })).toBeUndefined();
});

test('baggage that is malformed is left out, and the message is read', () => {
  const headers = { ...toHeaders(envelope), baggage: 'a b=1;;' };
  expect(fromHeaders(headers)).toEqual(envelope);
});

test('whom to reply to is a name of a service or nothing, for it becomes part of a subject', () => {
  for (const hostile of ['waiter.>', '*', 'a b', '', 'WAITER%0D%0A']) {
    const headers = { ...toHeaders(envelope), 'weft-reply-to': hostile };
    expect(fromHeaders(headers)?.replyTo).toBeUndefined();
  }
});

test('whatever a key holds, no header breaks out of its line, and the key comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (key) => {
      const headers = toHeaders({ ...envelope, key });
      for (const value of Object.values(headers)) expect(value).toMatch(/^[!-~]*$/);
      expect(fromHeaders(headers)?.key).toBe(key.toWellFormed());
    }),
  );
});

test.each([
  ['without an id', { 'ce-id': '' }],
  ['without a type', { 'ce-type': '' }],
  ['with an id of several lines', { 'ce-id': 'a%0d%0ab' }],
  ['with an id that is a novel', { 'ce-id': 'x'.repeat(201) }],
])('a message %s has no envelope', (_, broken) => {
  expect(fromHeaders({ ...toHeaders(envelope), ...broken })).toBeUndefined();
});

test('what others leave out or write differently is borne', () => {
  const headers = {
    ...{ 'ce-id': '7', 'ce-type': 'shop.v1.A', 'ce-source': '100%', 'ce-time': 'yesterday' },
    traceparent: 'not a trace',
  };
  const expected = { id: '7', type: 'shop.v1.A', source: '100%', timeMs: 0, key: '' };
  expect(fromHeaders(headers)).toEqual(expected);
});
