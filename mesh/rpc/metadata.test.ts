import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../kernel/error.ts';
import { arrivedMetadata, fromGrpcMetadata, metadataBytes, toGrpcMetadata } from './metadata.ts';

describe('metadata', () => {
  test('goes out and comes back: text, bytes, and several values of one key', () => {
    const metadata = {
      'x-tenant': 'blue',
      'x-sum-bin': Buffer.from([0, 255]),
      'x-tag': ['a', 'b'],
    };
    expect({ ...fromGrpcMetadata(toGrpcMetadata(metadata)) }).toEqual(metadata);
  });

  test('is added to what is there already', () => {
    const into = new GrpcMetadata();
    into.set('x-tag', 'a');
    toGrpcMetadata({ 'x-tag': 'b' }, into);
    expect(into.get('x-tag')).toEqual(['a', 'b']);
  });

  test.each([
    ['a key that belongs to gRPC', { 'grpc-timeout': '1S' }],
    ['a key that belongs to HTTP/2', { Connection: 'close' }],
    ['a key with a space', { 'x y': '1' }],
    ['text that is no header', { 'x-text': 'line\nbreak' }],
    ['bytes under a key for text', { 'x-text': new Uint8Array([1]) }],
    ['text under a key for bytes', { 'x-text-bin': 'abc' }],
  ])('that cannot travel is refused before it does harm: %s', (_what, metadata) => {
    let thrown: unknown;
    try {
      toGrpcMetadata(metadata);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(MeshError);
    expect(thrown).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_METADATA' });
  });

  test('holds nothing but what arrived', () => {
    const metadata = fromGrpcMetadata(new GrpcMetadata());
    expect(metadata.constructor).toBeUndefined();
    expect(metadata.toString).toBeUndefined();
  });

  test('is measured as HTTP/2 counts it', () => {
    expect(metadataBytes({})).toBe(0);
    expect(metadataBytes({ abc: 'de' })).toBe(3 + 2 + 32);
    expect(metadataBytes({ 'a-bin': Buffer.alloc(4) })).toBe(5 + 8 + 32);
    expect(metadataBytes({ abc: ['de', ''] })).toBe(2 * (3 + 32) + 2);
  });

  test('of a call that arrives is told apart: what the caller gave, and what transports write', () => {
    const wire = toGrpcMetadata({ 'x-tenant': 'blue', 'x-tag': ['a', 'b'] });
    wire.set('traceparent', 'a trace');
    wire.set('user-agent', 'grpc-node-js');
    wire.set('grpc-previous-rpc-attempts', '2');
    const arrived = arrivedMetadata(wire);
    expect({ ...arrived.metadata }).toEqual({ 'x-tenant': 'blue', 'x-tag': ['a', 'b'] });
    expect(arrived).toMatchObject({ traceparent: 'a trace', attempt: 3 });
    expect(arrived.bytes).toBe(metadataBytes(fromGrpcMetadata(wire)));
  });

  test('has tracestate and baggage in places of their own, and no size of theirs', () => {
    const wire = toGrpcMetadata({ 'x-tenant': 'blue' });
    const { bytes } = arrivedMetadata(wire);
    wire.set('tracestate', 'rojo=1');
    wire.add('baggage', 'a=1');
    wire.add('baggage', 'b=2');
    const arrived = arrivedMetadata(wire);
    expect(arrived).toMatchObject({ bytes, tracestate: 'rojo=1', baggage: 'a=1,b=2' });
    expect({ ...arrived.metadata }).toEqual({ 'x-tenant': 'blue' });
  });

  test('of which nobody gave any says so, and of a first attempt', () => {
    const { metadata, ...rest } = arrivedMetadata(new GrpcMetadata());
    expect(rest).toEqual({ bytes: 0, traceparent: undefined, attempt: 1 });
    expect(Object.keys(metadata)).toEqual([]);
    expect(metadata.toString).toBeUndefined();
  });
});
