import {
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
  toJsonString,
} from '@bufbuild/protobuf';
import { MeshError } from '../kernel/error.ts';
import type { Image } from './image.ts';

/**
 * A message in protobuf that came as proto3 JSON. Fields that this schema does not know are passed over, as
 * they are in protobuf. Throws INVALID_ARGUMENT / INVALID_JSON for what is no such message.
 */
export function jsonToBytes(
  { registry }: Pick<Image, 'registry'>,
  typeName: string,
  json: unknown,
): Uint8Array {
  const desc = registry.getMessage(typeName);
  if (desc === undefined) throw invalid(`the schema holds no ${typeName}`, undefined);
  try {
    const options = { registry, ignoreUnknownFields: true };
    return toBinary(desc, fromJson(desc, json as JsonValue, options));
  } catch (thrown) {
    throw invalid(`the JSON is no ${typeName}: ${MeshError.from(thrown).rawMessage}`, thrown);
  }
}

/**
 * The bytes of a message as proto3 JSON, for people to read. Undefined when the image does not know the type,
 * or the bytes are no such message.
 */
export function bytesToJson(
  { registry }: Pick<Image, 'registry'>,
  typeName: string,
  data: Uint8Array,
): string | undefined {
  const type = registry.getMessage(typeName);
  if (type === undefined) return undefined;
  try {
    return toJsonString(type, fromBinary(type, data), { registry, prettySpaces: 2 });
  } catch {
    return undefined;
  }
}

/** The bytes of a message as a value of proto3 JSON. Throws INVALID_ARGUMENT / INVALID_JSON for what is no such message. */
export function bytesToJsonValue(
  { registry }: Pick<Image, 'registry'>,
  typeName: string,
  data: Uint8Array,
): JsonValue {
  const type = registry.getMessage(typeName);
  if (type === undefined) throw invalid(`the schema holds no ${typeName}`, undefined);
  return toJson(type, fromBinary(type, data), { registry });
}

function invalid(message: string, cause: unknown): MeshError {
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason: 'INVALID_JSON', cause });
}
