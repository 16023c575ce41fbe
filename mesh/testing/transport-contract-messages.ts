import { WireType } from '@bufbuild/protobuf/wire';
import { MeshError } from '../kernel/error.ts';
import type { MessageType } from '../schema/definition.ts';
import { getStockMethod } from './transport-contract-rig.ts';

export function echo(sku: string): {
  item: { sku: string; available: bigint; reserved: bigint; unitPrice: undefined };
} {
  return { item: { sku, available: 3n, reserved: 0n, unitPrice: undefined } };
}

/** GetStock with a field in its request that the server does not know, of this many bytes. */
export function padded(length: number): typeof getStockMethod {
  const { requestType } = getStockMethod;
  const encode: typeof requestType.encode = (message, writer) =>
    requestType
      .encode(message, writer)
      .tag(1000, WireType.LengthDelimited)
      .bytes(new Uint8Array(length));
  return { ...getStockMethod, requestType: { ...requestType, encode } };
}

/** A handler's work that ends only when it is told to. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(MeshError.from(signal.reason));
    });
  });
}

/** A type whose messages are these bytes, and whose bytes are no messages. */
export function typeOf(bytes: () => Uint8Array): MessageType<never> {
  return {
    $type: 'test.Broken',
    encode(_message, writer) {
      const into = writer ?? getStockMethod.requestType.encode({ sku: '' });
      return into.raw(bytes());
    },
    decode() {
      throw new Error('not such a message');
    },
  };
}
