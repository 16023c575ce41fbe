import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageType, MethodDefinition, ServiceDefinition } from '../schema/definition.ts';

/**
 * A service of an image as generated code describes it, with messages left as bytes: the edge passes them on,
 * and knows what is in them from the image alone.
 */
export function byteService({ typeName, name, methods }: DescService): ServiceDefinition {
  return {
    name,
    fullName: typeName,
    methods: Object.fromEntries(methods.map((method) => [method.localName, byteMethod(method)])),
  };
}

/** google.protobuf.MethodOptions.IdempotencyLevel. */
const levels = ['IDEMPOTENCY_UNKNOWN', 'NO_SIDE_EFFECTS', 'IDEMPOTENT'] as const;

function byteMethod({ name, input, output, methodKind, proto }: DescMethod): MethodDefinition {
  const { options } = proto;
  const unknown = new Map<number, Uint8Array[]>();
  for (const { no, wireType, data } of options?.$unknown ?? []) {
    const tag = (no << 3) | wireType;
    unknown.set(tag, [...(unknown.get(tag) ?? []), data]);
  }
  return {
    name,
    requestType: bytesOf(input.typeName),
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseType: bytesOf(output.typeName),
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    options: {
      idempotencyLevel: levels[options?.idempotencyLevel ?? 0],
      _unknownFields: Object.fromEntries(unknown),
    },
  };
}

/** What @bufbuild/protobuf 2.17 keeps of what it reads; it has no method for "the rest as it is". */
interface Source {
  readonly buf: Uint8Array;
}

function bytesOf(typeName: string): MessageType<Uint8Array> {
  return {
    $type: typeName,
    encode: (bytes, into = new BinaryWriter()) => into.raw(bytes),
    decode(input, length) {
      if (!(input instanceof BinaryReader)) return input;
      const { buf } = input as unknown as Source;
      const start = input.pos;
      const end = length === undefined ? input.len : start + length;
      input.pos = end;
      // A copy: what is read from belongs to the connection, which goes on.
      return Uint8Array.from(buf.subarray(start, end));
    },
  };
}
