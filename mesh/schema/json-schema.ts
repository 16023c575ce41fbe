import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import type { Rules } from '../../gen/weft/v1/options.ts';
import { commentOf } from './comments.ts';
import type { Image } from './image.ts';
import { isBigint } from './options.ts';
import { patternOf } from './rules.ts';

/** A JSON Schema, as far as messages need it: the same in draft 07 (AsyncAPI) and 2020-12 (OpenAPI 3.1). */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface JsonSchemaOptions {
  readonly image: Pick<Image, 'rules'>;
  /** Where the schema of a message stands, as "#/components/schemas/shop.money.v1.Money". */
  refTo(message: DescMessage): string;
}

/** A message in proto3 JSON (protobuf.dev/programming-guides/json), with the rules of its fields. */
export function jsonSchemaOf(message: DescMessage, options: JsonSchemaOptions): JsonSchema {
  const rules = (field: DescField): Rules | undefined => options.image.rules(field);
  const required = message.fields.filter((field) => rules(field)?.required);
  const description = commentOf(message);
  return {
    type: 'object',
    ...(description !== '' && { description }),
    properties: Object.fromEntries(
      message.fields.map((field) => [field.jsonName, fieldJsonSchema(field, options)]),
    ),
    ...(required.length > 0 && { required: required.map(({ jsonName }) => jsonName) }),
  };
}

/** The messages that stand in the fields of a message and have a schema of their own. */
export function messagesInside(message: DescMessage): DescMessage[] {
  return message.fields
    .map(({ message: inner }) => inner)
    .filter((inner): inner is DescMessage => inner !== undefined && !wellKnown.has(inner.typeName));
}

/** One field of a message, as its property. */
export function fieldJsonSchema(field: DescField, options: JsonSchemaOptions): JsonSchema {
  const rules = options.image.rules(field);
  const one = { ...valueSchema(field, options), ...bounds(field, rules) };
  const description = commentOf(field);
  // Beside a reference nothing else counts in draft 07.
  const described = description !== '' && !('$ref' in one) ? { description } : {};
  if (field.fieldKind === 'map') return { type: 'object', ...described, additionalProperties: one };
  if (field.fieldKind !== 'list') return { ...one, ...described };
  return {
    ...{ type: 'array', ...(description !== '' && { description }), items: one },
    ...(rules && rules.minItems > 0 && { minItems: rules.minItems }),
    ...(rules && rules.maxItems > 0 && { maxItems: rules.maxItems }),
  };
}

function valueSchema(field: DescField, { refTo }: JsonSchemaOptions): JsonSchema {
  if (field.enum !== undefined) {
    if (field.enum.typeName === 'google.protobuf.NullValue') return { type: 'null' };
    return { type: 'string', enum: field.enum.values.map(({ name }) => name) };
  }
  if (field.message !== undefined) {
    return wellKnown.get(field.message.typeName) ?? { $ref: refTo(field.message) };
  }
  return scalarSchema(field.scalar);
}

const scalars = new Map<ScalarType, JsonSchema>([
  [ScalarType.STRING, { type: 'string' }],
  [ScalarType.BYTES, { type: 'string', contentEncoding: 'base64' }],
  [ScalarType.BOOL, { type: 'boolean' }],
  [ScalarType.DOUBLE, { type: 'number' }],
  [ScalarType.FLOAT, { type: 'number' }],
  [ScalarType.UINT32, { type: 'integer', minimum: 0 }],
  [ScalarType.FIXED32, { type: 'integer', minimum: 0 }],
]);

function scalarSchema(scalar: ScalarType): JsonSchema {
  // Too large for the numbers of JSON, so proto3 JSON writes text.
  if (scalar === ScalarType.UINT64 || scalar === ScalarType.FIXED64) {
    return { type: 'string', format: 'uint64' };
  }
  if (isBigint(scalar)) return { type: 'string', format: 'int64' };
  return scalars.get(scalar) ?? { type: 'integer' };
}

const wellKnown = new Map<string, JsonSchema>([
  ['google.protobuf.Timestamp', { type: 'string', format: 'date-time' }],
  ['google.protobuf.Duration', { type: 'string', pattern: '^-?\\d+(\\.\\d+)?s$' }],
  ['google.protobuf.Empty', { type: 'object' }],
  ['google.protobuf.Struct', { type: 'object' }],
  ['google.protobuf.ListValue', { type: 'array' }],
  ['google.protobuf.Value', {}],
  ['google.protobuf.Any', { type: 'object', properties: { '@type': { type: 'string' } } }],
  ['google.protobuf.FieldMask', { type: 'string' }],
  ['google.protobuf.StringValue', { type: 'string' }],
  ['google.protobuf.BytesValue', { type: 'string', contentEncoding: 'base64' }],
  ['google.protobuf.BoolValue', { type: 'boolean' }],
  ['google.protobuf.DoubleValue', { type: 'number' }],
  ['google.protobuf.FloatValue', { type: 'number' }],
  ['google.protobuf.Int32Value', { type: 'integer' }],
  ['google.protobuf.UInt32Value', { type: 'integer', minimum: 0 }],
  ['google.protobuf.Int64Value', { type: 'string', format: 'int64' }],
  ['google.protobuf.UInt64Value', { type: 'string', format: 'uint64' }],
]);

function bounds(field: DescField, rules: Rules | undefined): JsonSchema {
  if (rules === undefined) return {};
  const { minLen, maxLen, min, max, form } = rules;
  const pattern = rules.pattern === '' ? patternOf(form) : `^(?:${rules.pattern})$`;
  // Text has no smallest number.
  const isNumber = field.scalar !== undefined && !isBigint(field.scalar);
  return {
    ...(minLen > 0 && { minLength: minLen }),
    ...(maxLen > 0 && { maxLength: maxLen }),
    ...(pattern !== undefined && { pattern }),
    ...(isNumber && min !== undefined && { minimum: Number(min) }),
    ...(isNumber && max !== undefined && { maximum: Number(max) }),
  };
}
