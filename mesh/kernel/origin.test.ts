import { expect, test } from '@jest/globals';
import { runInContext } from './context.ts';
import { type Origin, originOf, originText } from './origin.ts';

const bare = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const trace = { ...bare, state: 'rojo=1,congo=2', flags: 0 };
const baggage = new Map([
  ['tenant', { value: 'Amélie,\n100%', properties: 'ttl=60' }],
  ['run', { value: '17' }],
]);

test.each<Origin>([
  { trace, baggage },
  { trace },
  { trace: bare },
  { trace: bare, baggage },
  { baggage },
])('what a row keeps of the origin of work is read as it was: %j', (origin) => {
  const text = runInContext(origin, () => originText());
  expect(text).not.toBe('');
  expect(originOf(text)).toEqual(origin);
});

test('where there is nothing to keep there is no text', () => {
  expect(originText()).toBeNull();
  expect(originText({ baggage: new Map() })).toBeNull();
  expect(originOf(null)).toEqual({});
});

test('a text that nobody wrote is no origin', () => {
  for (const text of ['', 'x', `00-${'0'.repeat(32)}-${bare.spanId}-01`, '\n\n,=;', 'x\ny=1\n=']) {
    expect(originOf(text)).toEqual({});
  }
});

test('the columns trace_id and span_id of an earlier row make such a text', () => {
  expect(originOf(`00-${bare.traceId}-${bare.spanId}-01`)).toEqual({ trace: bare });
});
