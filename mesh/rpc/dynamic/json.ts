import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Registry,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader';
import { describe, MeshError } from '../../kernel/error.ts';

/**
 * Between proto3 JSON, as people write it, and the objects of proto-loader, which are near it and not it:
 *
 * - loaded from a descriptor set they have the field names of the proto file, whatever keepCase says, and
 *   what stands under another name is dropped without a word;
 * - maps are lists of their entries there, `[{ key, value }]`;
 * - values of a wrong type are bent ("two" is 0), so the JSON is checked by protobuf-es first;
 * - timestamps and the other well-known types have no text form: these go through their bytes, which both
 *   libraries read.
 */
export interface JsonBridge {
  /** Throws INVALID_ARGUMENT / INVALID_JSON, naming the field, for what is not such a message. */
  toLoader(desc: DescMessage, json: unknown): object;
  fromLoader(desc: DescMessage, object: object): JsonValue;
}

type Fields = Readonly<Record<string, unknown>>;
type Loaded = MessageTypeDefinition<object, object>;

/** One schema, as both libraries know it. */
interface BothSchemas {
  readonly loaded: PackageDefinition;
  readonly registry: Registry;
}

/** The bridge over one schema, known to both libraries. */
export function createJsonBridge(loaded: PackageDefinition, registry: Registry): JsonBridge {
  const schemas = { loaded, registry };
  return {
    toLoader(desc, json) {
      try {
        // Thrown away: it is made to hear what is wrong with the JSON.
        fromJson(desc, json as JsonValue, { registry });
      } catch (thrown) {
        throw new MeshError(`the request is no ${desc.typeName}: ${describe(thrown)}`, {
          status: 'INVALID_ARGUMENT',
          reason: 'INVALID_JSON',
          cause: thrown,
        });
      }
      return messageToLoader(desc, json, schemas);
    },
    fromLoader: (desc, object) => messageFromLoader(desc, object, schemas) ?? {},
  };
}

function messageToLoader(desc: DescMessage, json: unknown, schemas: BothSchemas): object {
  if (isWellKnown(desc)) {
    const bytes = toBinary(desc, fromJson(desc, json as JsonValue, schemas));
    return typeOf(desc, schemas).deserialize(Buffer.from(bytes));
  }
  const object: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json as Fields)) {
    const field = desc.fields.find(({ name, jsonName }) => key === name || key === jsonName);
    // Null stands for "not set", except where it is the value: google.protobuf.Value, NullValue.
    if (field === undefined || (value === null && !isWellKnown(field.message))) continue;
    object[field.name] = fieldToLoader(field, value, schemas);
  }
  return object;
}

function fieldToLoader(field: DescField, value: unknown, schemas: BothSchemas): unknown {
  const convert = (item: unknown): unknown =>
    field.message === undefined ? item : messageToLoader(field.message, item, schemas);
  if (field.fieldKind === 'list') return listOf(value).map(convert);
  if (field.fieldKind !== 'map') return convert(value);
  const isBool = field.mapKey === ScalarType.BOOL;
  return Object.entries(value as Fields).map(([key, item]) => ({
    key: isBool ? key === 'true' : key,
    value: convert(item),
  }));
}

function messageFromLoader(
  desc: DescMessage,
  value: unknown,
  schemas: BothSchemas,
): JsonValue | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isWellKnown(desc)) {
    const bytes = typeOf(desc, schemas).serialize(value);
    return toJson(desc, fromBinary(desc, bytes), schemas);
  }
  const json: Record<string, JsonValue> = {};
  // By the fields of the schema: proto-loader adds a key for each oneof that names the chosen case.
  for (const field of desc.fields) {
    const held = (value as Fields)[field.name];
    if (held === undefined || held === null) continue;
    json[field.jsonName] = fieldFromLoader(field, held, schemas);
  }
  return json;
}

function fieldFromLoader(field: DescField, held: unknown, schemas: BothSchemas): JsonValue {
  const convert = (item: unknown): JsonValue => {
    if (field.message !== undefined) return messageFromLoader(field.message, item, schemas) ?? {};
    // JSON has no number for them; proto3 JSON writes "NaN" and "Infinity".
    const isText = typeof item === 'number' && !Number.isFinite(item);
    return isText ? String(item) : (item as JsonValue);
  };
  if (field.fieldKind === 'list') return listOf(held).map(convert);
  if (field.fieldKind !== 'map') return convert(held);
  const entries = listOf(held) as readonly { key: unknown; value?: unknown }[];
  return Object.fromEntries(entries.map(({ key, value }) => [String(key), convert(value)]));
}

function typeOf(desc: DescMessage, { loaded }: BothSchemas): Loaded {
  const definition = loaded[desc.typeName];
  if (definition !== undefined && isMessageType(definition)) return definition;
  throw new MeshError(`the schema names ${desc.typeName} and does not hold it`, {
    status: 'FAILED_PRECONDITION',
    reason: 'INCOMPLETE_SCHEMA',
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Types whose JSON is not the object of their fields (protobuf.dev/programming-guides/json). */
function isWellKnown(desc: DescMessage | undefined): boolean {
  return desc?.typeName.startsWith('google.protobuf.') ?? false;
}

function isMessageType(definition: PackageDefinition[string]): definition is Loaded {
  return 'format' in definition && 'serialize' in definition;
}
