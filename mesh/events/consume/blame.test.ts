import { expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import { type Blame, blame } from './blame.ts';

test.each<[Blame, Status, string]>([
  ['world', 'UNAVAILABLE', 'ANY_REASON'],
  ['world', 'UNAVAILABLE', 'STORE_BUSY'],
  ['world', 'DEADLINE_EXCEEDED', 'ANY_REASON'],
  ['message', 'DEADLINE_EXCEEDED', 'HANDLER_TIMEOUT'],
  ['world', 'RESOURCE_EXHAUSTED', 'STORE_FULL'],
  ['world', 'RESOURCE_EXHAUSTED', 'BULKHEAD_FULL'],
  ['message', 'RESOURCE_EXHAUSTED', 'ANY_REASON'],
  ['world', 'ABORTED', 'SERIALIZATION_FAILURE'],
  ['message', 'NOT_FOUND', 'ANY_REASON'],
  ['message', 'ALREADY_EXISTS', 'UNIQUE_VIOLATION'],
  ['message', 'INTERNAL', 'STORE_ERROR'],
])('the %s is to blame for %s %s', (expected, status, reason) => {
  expect(blame(new MeshError('x', { status, reason }))).toBe(expected);
});

test('a server that says when to come back is the world', () => {
  const shed = new MeshError('x', { status: 'RESOURCE_EXHAUSTED', details: { retryAfterMs: 100 } });
  expect(blame(shed)).toBe('world');
});

test('whatever else a handler throws is about its message', () => {
  expect(blame(new TypeError('x is undefined'))).toBe('message');
  expect(blame(undefined)).toBe('message');
});
