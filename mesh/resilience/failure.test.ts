import { expect, test } from '@jest/globals';
import { MeshError, type MeshErrorOptions } from '../kernel/error.ts';
import { mayFallBack, verdictOf } from './failure.ts';

const failed = (options: MeshErrorOptions): MeshError => new MeshError('no', options);

test.each(['BULKHEAD_FULL', 'POLICY_BULKHEAD_FULL', 'LANE_FULL', 'OVERLOADED'])(
  'another answer may stand in for %s, for it is about load',
  (reason) => {
    expect(mayFallBack(failed({ status: 'RESOURCE_EXHAUSTED', reason }))).toBe(true);
  },
);

test('another answer may stand in where the server says when to come again', () => {
  const error = failed({ status: 'RESOURCE_EXHAUSTED', details: { retryAfterMs: 50 } });
  expect(mayFallBack(error)).toBe(true);
});

test('no answer may stand in for what is too large, which is the fault of its caller', () => {
  const details = { retryAfterMs: Number.POSITIVE_INFINITY };
  const error = failed({ status: 'RESOURCE_EXHAUSTED', reason: 'METADATA_TOO_LARGE', details });
  expect(mayFallBack(error)).toBe(false);
});

test.each(['NOT_FOUND', 'INVALID_ARGUMENT', 'PERMISSION_DENIED', 'CANCELLED'] as const)(
  'no answer may stand in for %s',
  (status) => {
    expect(mayFallBack(failed({ status }))).toBe(false);
  },
);

test('a breaker that is open behind the target is a failure of the target, and a fallback may answer', () => {
  const error = failed({ status: 'UNAVAILABLE', reason: 'BREAKER_OPEN' });
  expect(verdictOf(error)).toBe('failure');
  expect(mayFallBack(error)).toBe(true);
});

test('UNAVAILABLE in the words of an application that says when to ask again is an answer, for which a fallback may stand in', () => {
  const details = { retryAfterMs: 1000 };
  const error = failed({ status: 'UNAVAILABLE', reason: 'ORDER_PENDING', details });
  expect(verdictOf(error)).toBe('success');
  expect(mayFallBack(error)).toBe(true);
});

test.each([
  ['without a time', { reason: 'ORDER_PENDING' }],
  ['without a reason', { details: { retryAfterMs: 1000 } }],
  [
    'that asks never to come again',
    { reason: 'GONE', details: { retryAfterMs: Number.POSITIVE_INFINITY } },
  ],
  ['of a breaker further down', { reason: 'BREAKER_OPEN', details: { retryAfterMs: 1000 } }],
  ['of a database that is busy', { reason: 'STORE_BUSY', details: { retryAfterMs: 500 } }],
])('UNAVAILABLE %s is a failure', (_what, options) => {
  expect(verdictOf(failed({ status: 'UNAVAILABLE', ...options }))).toBe('failure');
});
