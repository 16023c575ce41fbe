import { type DescMethod, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { describe, MeshError } from '../../kernel/error.ts';
import { type MessageType, type MethodDefinition, policyTag } from '../../schema/definition.ts';
import { parseMethod } from './method.ts';
import type { RemoteSchema } from './schema.ts';

/**
 * A unary method whose contract became known at run time, as a definition that `createPeers` takes: its client
 * goes through the whole stack of weft. Requests are bytes, made once and sent often; responses are not read.
 */
export interface DynamicUnary {
  readonly definition: UnaryDefinition;
  /** The bytes of a request in proto3 JSON. Throws INVALID_ARGUMENT / INVALID_JSON. */
  encode(json: unknown): Uint8Array;
}

/** A service of which one method is known; its stub has one function, `call`. */
export interface UnaryDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: { readonly call: UnaryMethod };
}

interface UnaryMethod extends MethodDefinition {
  readonly requestType: MessageType<Uint8Array>;
  readonly requestStream: false;
  readonly responseType: MessageType<Uint8Array>;
  readonly responseStream: false;
}

const idempotency = ['IDEMPOTENCY_UNKNOWN', 'NO_SIDE_EFFECTS', 'IDEMPOTENT'] as const;
const unread = new Uint8Array();

/** Throws UNIMPLEMENTED / UNKNOWN_METHOD, and INVALID_ARGUMENT / NOT_UNARY for a stream. */
export function dynamicUnary(schema: RemoteSchema, name: string): DynamicUnary {
  const desc = methodIn(schema, name);
  const { parent, input, output } = desc;
  if (desc.methodKind !== 'unary') {
    throw new MeshError(`${parent.typeName}/${desc.name} is a stream; only unary methods do here`, {
      status: 'INVALID_ARGUMENT',
      reason: 'NOT_UNARY',
    });
  }
  const call: UnaryMethod = {
    name: desc.name,
    ...{ requestStream: false, requestType: bytesOf(input.typeName) },
    ...{ responseStream: false, responseType: bytesOf(output.typeName) },
    options: {
      idempotencyLevel: idempotency[desc.idempotency],
      _unknownFields: policyIn(desc),
    },
  };
  const { registry } = schema.image;
  return {
    definition: { name: parent.name, fullName: parent.typeName, methods: { call } },
    encode(json) {
      try {
        return toBinary(input, fromJson(input, json as JsonValue, { registry }));
      } catch (cause) {
        throw new MeshError(`the request is no ${input.typeName}: ${describe(cause)}`, {
          ...{ status: 'INVALID_ARGUMENT', reason: 'INVALID_JSON', cause },
        });
      }
    },
  };
}

function methodIn(schema: RemoteSchema, name: string): DescMethod {
  const { service, method } = parseMethod(name);
  const found = schema.image.registry.getService(service);
  const desc = found?.methods.find((each) => each.name === method);
  if (desc !== undefined) return desc;
  const known = found?.methods.map((each) => each.name) ?? schema.services;
  const whose = found === undefined ? `the server at ${schema.address}` : service;
  throw new MeshError(
    `${whose} has no ${found === undefined ? service : method}; it has ${known.join(', ')}`,
    { status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' },
  );
}

/** The policy that the contract says, as ts-proto would have kept it. */
function policyIn({ proto }: DescMethod): Record<number, Uint8Array[]> {
  const fields = proto.options?.$unknown ?? [];
  const found = fields.filter(({ no }) => no === policyTag >>> 3).map(({ data }) => data);
  return found.length === 0 ? {} : { [policyTag]: found };
}

function bytesOf(typeName: string): MessageType<Uint8Array> {
  return {
    $type: typeName,
    // A writer of its own: what is in it must be these bytes and nothing else.
    encode: (bytes) => new BinaryWriter().raw(bytes),
    decode: () => unread,
  };
}
