import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Status } from '../../gen/google/rpc/status.ts';
import { type ErrorDetails, MeshError } from '../kernel/error.ts';
import { decodeDetails, encodeDetails, fitHeader } from './details.ts';

function errorWith(details: ErrorDetails, reason?: string): MeshError {
  const status = 'FAILED_PRECONDITION';
  return new MeshError('no', { status, details, ...(reason !== undefined && { reason }) });
}

describe('details of an error', () => {
  test('arrive as they were sent, in the form that every gRPC implementation reads', () => {
    const details = {
      violations: [
        { field: 'lines[0].sku', description: 'is not sold', reason: 'UNKNOWN' },
        { field: 'note', description: 'is too long' },
      ],
      facts: { service: 'inventory', known: '3' },
      retryAfterMs: 1250,
    };
    const bytes = encodeDetails(errorWith(details, 'OUT_OF_STOCK'));
    expect(decodeDetails(bytes)).toEqual({ reason: 'OUT_OF_STOCK', details });
    const status = Status.decode(bytes);
    expect(status).toMatchObject({ code: 9, message: 'no' });
    expect(status.details.map((any) => any.typeUrl)).toEqual([
      'type.googleapis.com/google.rpc.BadRequest',
      'type.googleapis.com/google.rpc.ErrorInfo',
      'type.googleapis.com/google.rpc.RetryInfo',
    ]);
  });

  test('that fit into no trailer are cut, and say so', () => {
    const violation = { field: 'lines[7].sku', description: 'x'.repeat(100), reason: 'FORM' };
    const details = { violations: new Array<typeof violation>(90).fill(violation) };
    const bytes = encodeDetails(errorWith(details, 'INVALID_FIELDS'));
    expect(bytes.length).toBeLessThanOrEqual(3072);
    const { violations = [] } = decodeDetails(bytes).details;
    expect(violations.length).toBeGreaterThan(5);
    expect(violations.at(-1)?.description).toContain(`and ${String(91 - violations.length)} more`);
  });

  test('facts that are too large are left out, the reason stays', () => {
    const bytes = encodeDetails(errorWith({ facts: { dump: 'x'.repeat(10_000) } }, 'BROKEN'));
    expect(decodeDetails(bytes)).toEqual({ reason: 'BROKEN', details: {} });
  });

  test('that are damaged are empty, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), (bytes) => {
        expect(decodeDetails(bytes).details).toBeDefined();
      }),
    );
  });
});

describe('a message that becomes a header', () => {
  test('is cut by the bytes it takes when percent-encoded, and always well-formed', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 80, size: 'max' }),
        fc.nat(100),
        (text, extra) => {
          const fitted = fitHeader(text, 20 + extra);
          expect(encodeURI(fitted).length).toBeLessThanOrEqual(20 + extra);
        },
      ),
    );
    expect(fitHeader('a\ud800b')).toBe('a\ufffdb');
    expect(fitHeader('é'.repeat(1000)).endsWith('…')).toBe(true);
    expect(fitHeader('short')).toBe('short');
  });
});
