import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import { describe, type FieldViolation, MeshError } from '../../kernel/error.ts';
import type { Image } from '../../schema/image.ts';
import { fieldNamed } from './field-path.ts';

/**
 * A message from its JSON. Fields that the schema does not know are passed over, as they are in protobuf: a new
 * client may speak to an old server. Throws INVALID_ARGUMENT / INVALID_FIELDS that names the field at fault.
 */
export function readJson(
  { registry }: Pick<Image, 'registry'>,
  message: DescMessage,
  json: JsonValue,
): Message {
  const options = { registry, ignoreUnknownFields: true };
  const attempt = (desc: DescMessage, part: JsonValue): string | undefined => {
    try {
      fromJson(desc, part, options);
      return undefined;
    } catch (thrown) {
      return describe(thrown);
    }
  };
  try {
    return fromJson(message, json, options);
  } catch (thrown) {
    const fault = locate(message, json, { attempt, path: '' });
    throw new MeshError(`the request is no ${message.typeName}: ${said(fault)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELDS',
      details: { violations: [fault] },
      cause: thrown,
    });
  }
}

interface Search {
  /** Why a part cannot be read; undefined if it can. */
  readonly attempt: (message: DescMessage, json: JsonValue) => string | undefined;
  readonly path: string;
}

/** The innermost field that cannot be read: each is tried alone, and the one that fails is looked into. */
function locate(message: DescMessage, json: JsonValue, search: Search): FieldViolation {
  const { attempt, path } = search;
  const why = attempt(message, json) ?? 'it cannot be read';
  const whole = { field: path, description: plainly(why), reason: 'INVALID_JSON' };
  if (!isObject(json) || message.file.name.startsWith('google/protobuf/')) return whole;
  for (const [name, value] of Object.entries(json)) {
    const field = fieldNamed(message, name);
    if (field === undefined || attempt(message, { [name]: value }) === undefined) continue;
    const at = path === '' ? field.name : `${path}.${field.name}`;
    return within(field, value, { attempt, path: at }) ?? { ...whole, field: at };
  }
  return whole;
}

/** The fault inside the value of a field; undefined if it is the value itself. */
function within(field: DescField, value: JsonValue, search: Search): FieldViolation | undefined {
  const { attempt, path } = search;
  const { message, parent } = field;
  const why = attempt(parent, { [field.jsonName]: value }) ?? '';
  const itself = { field: path, description: plainly(why), reason: 'INVALID_JSON' };
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    const index = value.findIndex(
      (each) => attempt(parent, { [field.jsonName]: [each] }) !== undefined,
    );
    const element = value[index];
    if (element === undefined) return itself;
    const at = `${path}[${String(index)}]`;
    if (message === undefined) return { ...itself, field: at };
    return locate(message, element, { attempt, path: at });
  }
  if (field.fieldKind !== 'message' || message === undefined) return itself;
  return locate(message, value, search);
}

/** "cannot decode field a.b.C.d from JSON: why" says the place in words of the library; the path says it better. */
function plainly(why: string): string {
  return why.replace(/^cannot decode \w+ \S+ from JSON: /, '').slice(0, 200);
}

function said({ field, description }: FieldViolation): string {
  return field === '' ? description : `${field}: ${description}`;
}

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
