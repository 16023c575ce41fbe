import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import type { FieldViolation } from '../../kernel/error.ts';
import { fieldAt } from './field-path.ts';

/** Messages that proto3 JSON writes as a string or a number, and that so fit into a parameter. */
const written = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
]);

/**
 * Puts the values of one parameter where its field stands in the JSON of a message. What they must be is
 * checked when the JSON is read; here only whether there is such a place.
 */
export function setParameter(
  target: JsonObject,
  message: DescMessage,
  path: string,
  values: readonly string[],
): FieldViolation | undefined {
  const fields = fieldAt(message, path);
  if (fields === undefined) {
    const known = message.fields.map(({ name }) => name).join(', ');
    const description = `there is no such field; ${message.typeName} has ${known || 'none'}`;
    return { field: path, description, reason: 'UNKNOWN_FIELD' };
  }
  const leaf = fields.at(-1) as DescField;
  const fault = placeFault(fields) ?? (values.length > 1 ? manyFault(leaf) : undefined);
  if (fault !== undefined) return { field: path, ...fault };
  const unknown = leaf.enum && unknownValue(leaf.enum, values);
  if (unknown !== undefined) {
    const index = leaf.fieldKind === 'list' ? `[${String(unknown.index)}]` : '';
    return { field: `${path}${index}`, ...unknown.fault };
  }
  let at = target;
  for (const field of fields.slice(0, -1)) at = objectAt(at, field);
  Reflect.deleteProperty(at, leaf.name);
  const all = values.map((value) => jsonOf(leaf, value));
  at[leaf.jsonName] = leaf.fieldKind === 'list' ? all : (all[0] ?? null);
  return undefined;
}

type Fault = Pick<FieldViolation, 'description' | 'reason'>;

function placeFault(fields: readonly DescField[]): Fault | undefined {
  const through = fields.slice(0, -1).find((field) => field.fieldKind !== 'message');
  if (through !== undefined) {
    const description = `${through.name} is a ${through.fieldKind}; what is in it goes into a body`;
    return { description, reason: 'NOT_A_PARAMETER' };
  }
  const leaf = fields.at(-1) as DescField;
  if (fitsParameter(leaf)) return undefined;
  const description = 'it is a message; name one of its fields, or send it in a body';
  return { description, reason: 'NOT_A_PARAMETER' };
}

function manyFault({ fieldKind }: DescField): Fault | undefined {
  if (fieldKind === 'list') return undefined;
  return { description: 'it holds one value and was given more', reason: 'TOO_MANY' };
}

/** The first value that an enum does not have. In JSON a newer client may know more; in an address it is a typing error. */
function unknownValue(
  { values: known }: DescEnum,
  values: readonly string[],
): { index: number; fault: Fault } | undefined {
  const names = known.map(({ name }) => name);
  const index = values.findIndex((value) => !/^-?\d+$/.test(value) && !names.includes(value));
  if (index < 0) return undefined;
  const description = `there is no such value; there are ${names.join(', ')}`;
  return { index, fault: { description, reason: 'UNKNOWN_VALUE' } };
}

/** Whether a field can be said in an address: not what has fields or keys of its own. */
export function fitsParameter({ fieldKind, message }: DescField): boolean {
  return fieldKind !== 'map' && (message === undefined || isWritten(message));
}

function isWritten({ typeName, file }: DescMessage): boolean {
  return written.has(typeName) || file.name === 'google/protobuf/wrappers';
}

/** The object of a field, made if there is none; under whichever of its names it stands. */
function objectAt(at: JsonObject, { name, jsonName }: DescField): JsonObject {
  const known = at[jsonName] ?? at[name];
  if (typeof known === 'object' && known !== null && !Array.isArray(known)) return known;
  const made: JsonObject = {};
  at[jsonName] = made;
  return made;
}

/** Text as proto3 JSON wants it: numbers may be strings there, truth values and numbered enums may not. */
function jsonOf(field: DescField, text: string): JsonValue {
  const scalar = field.scalar ?? field.message?.fields[0]?.scalar;
  const isBool = scalar === ScalarType.BOOL;
  // Base64 has a sign that an address reads as a space.
  if (scalar === ScalarType.BYTES) return text.replaceAll(' ', '+');
  if (isBool && (text === 'true' || text === 'false')) return text === 'true';
  if (field.enum !== undefined && /^-?\d+$/.test(text)) return Number(text);
  return text;
}
