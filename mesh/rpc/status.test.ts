import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../kernel/error.ts';
import { statusCode } from '../kernel/status.ts';
import { toMeshError, toStatus, withoutStatusEntries } from './status.ts';

const facts = {
  service: 'shop.v1.Orders',
  method: 'Place',
  endpoint: '10.0.0.7:7101',
  attempts: 2,
};

describe('an error on its way to the wire and back', () => {
  test('keeps status, reason, details; the message gains where and how often', () => {
    const error = new MeshError('no stock', {
      status: 'FAILED_PRECONDITION',
      reason: 'OUT_OF_STOCK',
      details: {
        violations: [{ field: 'sku', description: 'is sold out' }],
        facts: { sku: 'TEA', service: 'overwritten by the nearer call' },
        retryAfterMs: 250,
      },
    });
    const back = toMeshError(toStatus(error), facts);
    expect(back.status).toBe('FAILED_PRECONDITION');
    expect(back.reason).toBe('OUT_OF_STOCK');
    expect(back.rawMessage).toBe('shop.v1.Orders/Place at 10.0.0.7:7101 (attempt 2): no stock');
    expect(back.details).toEqual({
      violations: [{ field: 'sku', description: 'is sold out' }],
      facts: { sku: 'TEA', ...facts, attempts: '2' },
      retryAfterMs: 250,
    });
  });

  test('has no details entry when there is nothing to tell', () => {
    const { code, details, metadata } = toStatus(new MeshError('gone', { status: 'NOT_FOUND' }));
    expect({ code, details }).toEqual({ code: status.NOT_FOUND, details: 'gone' });
    expect(metadata.toJSON()).toEqual({});
  });

  test('every status has its number', () => {
    for (const [name, code] of Object.entries(statusCode)) {
      const error = new MeshError('x', { status: name as keyof typeof statusCode });
      expect(toStatus(error).code).toBe(code);
      expect(toMeshError({ code, details: '', metadata: new Metadata() }, facts).status).toBe(name);
    }
  });

  test('a message is a legal header whatever it holds', () => {
    const { details } = toStatus(new MeshError('\ud800 ü\n', { status: 'ABORTED' }));
    expect(encodeURI(details)).toBe('%EF%BF%BD%20%C3%BC%0A');
  });
});

describe('what a server says of retries', () => {
  const answered = (pushback: string): number | undefined => {
    const metadata = new Metadata();
    metadata.set('grpc-retry-pushback-ms', pushback);
    return toMeshError({ code: status.UNAVAILABLE, details: '', metadata }, facts).details
      .retryAfterMs;
  };

  test('a number is how long to wait; a negative or unreadable one means never', () => {
    expect(answered('1200')).toBe(1200);
    expect(answered('0')).toBe(0);
    expect(answered('-1')).toBe(Number.POSITIVE_INFINITY);
    expect(answered('soon')).toBe(Number.POSITIVE_INFINITY);
  });

  test('never survives the way out and back', () => {
    const details = { retryAfterMs: Number.POSITIVE_INFINITY };
    const wire = toStatus(new MeshError('no more', { status: 'UNAVAILABLE', details }));
    expect(wire.metadata.get('grpc-retry-pushback-ms')).toEqual(['-1']);
    expect(toMeshError(wire, facts).details.retryAfterMs).toBe(Number.POSITIVE_INFINITY);
  });
});

test('a status from elsewhere is understood without any of weft', () => {
  const error = toMeshError(
    { code: 99, details: '', metadata: new Metadata() },
    { service: 'a.B', method: 'C' },
  );
  expect(error).toMatchObject({ status: 'UNKNOWN', reason: undefined });
  expect(error.rawMessage).toBe('a.B/C: the server gave no message');
});

test('callers see the trailers that were meant for them', () => {
  const error = new MeshError('x', {
    status: 'ABORTED',
    reason: 'BUSY',
    details: { retryAfterMs: 1 },
  });
  const { metadata } = toStatus(error);
  metadata.set('x-rows', '3');
  expect(withoutStatusEntries(metadata).toJSON()).toEqual({ 'x-rows': ['3'] });
});
