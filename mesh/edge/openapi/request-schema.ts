import type { DescField, DescMessage } from '@bufbuild/protobuf';
import {
  fieldJsonSchema,
  type JsonSchema,
  type JsonSchemaOptions,
  jsonSchemaOf,
} from '../../schema/json-schema.ts';
import type { Binding } from '../rest/bindings.ts';
import { fieldAt } from '../rest/field-path.ts';
import { keyFieldOf } from '../rest/idempotency-key.ts';

/**
 * The body of a request. What its path says need not stand in the body too, and a key may come as a header: a
 * message with such fields is written out without them, any other is referred to.
 */
export function requestSchema(
  { method: { input }, body, template }: Binding,
  options: JsonSchemaOptions,
): JsonSchema {
  const bound = template.variables.flatMap((variable) => {
    const fields = fieldAt(input, variable);
    return fields === undefined ? [] : [fields];
  });
  if (typeof body !== 'object') return messageSchema(input, bound, options);
  const inside = bound.filter(([first]) => first === body).map((fields) => fields.slice(1));
  if (body.fieldKind !== 'message') return fieldJsonSchema(body, options);
  // What stands there in JSON as text, a Timestamp for one, has no fields to be left out.
  return inside.length === 0
    ? fieldJsonSchema(body, options)
    : messageSchema(body.message, inside, options);
}

function messageSchema(
  message: DescMessage,
  bound: readonly (readonly DescField[])[],
  options: JsonSchemaOptions,
): JsonSchema {
  const key = keyFieldOf(message);
  if (bound.length === 0 && key === undefined) return { $ref: options.refTo(message) };
  const whole = jsonSchemaOf(message, options) as JsonSchema & {
    readonly properties: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  const properties: Record<string, JsonSchema> = { ...whole.properties };
  const optional = new Set(key === undefined ? [] : [key.jsonName]);
  for (const [field, fields] of Map.groupBy(bound, ([first]) => first)) {
    if (field === undefined) continue;
    const { jsonName } = field;
    const inside = fields.map((path) => path.slice(1)).filter((path) => path.length > 0);
    if (inside.length < fields.length) {
      Reflect.deleteProperty(properties, jsonName);
      optional.add(jsonName);
    } else if (field.message !== undefined) {
      properties[jsonName] = messageSchema(field.message, inside, options);
    }
  }
  const { required = [], ...rest } = whole;
  const needed = required.filter((name) => !optional.has(name));
  return { ...rest, properties, ...(needed.length > 0 && { required: needed }) };
}
