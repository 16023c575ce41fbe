import { expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import { type Blame, blame, neverRetry, parkKey, type Remedy, remedy } from './blame.ts';

test.each<[Blame, Status, string]>([
  ['world', 'UNAVAILABLE', 'ANY_REASON'],
  ['world', 'UNAVAILABLE', 'STORE_BUSY'],
  ['world', 'DEADLINE_EXCEEDED', 'ANY_REASON'],
  ['message', 'DEADLINE_EXCEEDED', 'HANDLER_TIMEOUT'],
  ['world', 'RESOURCE_EXHAUSTED', 'STORE_FULL'],
  ['world', 'RESOURCE_EXHAUSTED', 'BULKHEAD_FULL'],
  ['message', 'RESOURCE_EXHAUSTED', 'ANY_REASON'],
  ['world', 'ABORTED', 'SERIALIZATION_FAILURE'],
  ['world', 'UNAVAILABLE', 'GROUP_LOST'],
  ['nobody', 'ABORTED', 'LEASE_LOST'],
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

test.each<[Remedy, Status, string]>([
  ['never', 'INVALID_ARGUMENT', 'INVALID_FIELDS'],
  ['never', 'DATA_LOSS', 'UNDECODABLE_EVENT'],
  ['again', 'NOT_FOUND', 'ANY_REASON'],
  ['again', 'FAILED_PRECONDITION', 'ANY_REASON'],
  ['again', 'UNIMPLEMENTED', 'ANY_REASON'],
  ['again', 'DEADLINE_EXCEEDED', 'HANDLER_TIMEOUT'],
])('"%s" is tried what fails with %s %s', (expected, status, reason) => {
  expect(remedy(new MeshError('x', { status, reason }))).toBe(expected);
});

test('a handler may say what is to be done, and the error stays what it was', () => {
  const cause = new MeshError('no such shelf', {
    ...{ status: 'NOT_FOUND', reason: 'NO_SHELF', details: { facts: { shelf: '7' } } },
  });
  const [hopeless, stopping] = [neverRetry(cause), parkKey(cause)];
  expect([remedy(hopeless), remedy(stopping)]).toEqual(['never', 'park-key']);
  expect(hopeless).toMatchObject({ status: 'NOT_FOUND', reason: 'NO_SHELF', cause });
  expect(hopeless.details.facts?.['shelf']).toBe('7');
  expect(remedy(neverRetry(new TypeError('x is undefined')))).toBe('never');
});
