import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
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

function invalid(message: string, cause: unknown): MeshError {
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason: 'INVALID_JSON', cause });
}
