import type { DescField, DescMessage } from '@bufbuild/protobuf';
import {
  fieldJsonSchema,
  type JsonSchema,
  type JsonSchemaOptions,
} from '../../schema/json-schema.ts';
import type { Binding } from '../rest/bindings.ts';
import { fieldAt } from '../rest/field-path.ts';
import { fitsParameter } from '../rest/parameters.ts';
import type { DocumentedPath, PathParameter } from './paths.ts';

export type Parameter = Readonly<Record<string, unknown>>;

/** What a path says. */
export function pathParameters(
  { method }: Binding,
  { parameters }: DocumentedPath,
  options: JsonSchemaOptions,
): Parameter[] {
  return parameters.map((parameter) => ({
    ...pathParameter(parameter, method.input, options),
    ...{ in: 'path', required: true },
  }));
}

function pathParameter(
  { name, variable, partOf }: PathParameter,
  input: DescMessage,
  options: JsonSchemaOptions,
): Parameter {
  const field = variable === undefined ? undefined : fieldAt(input, variable)?.at(-1);
  if (field === undefined) return { name, schema: { type: 'string' } };
  if (partOf === undefined) return parameterOf(name, field, options);
  const description = `One segment of ${variable ?? ''}, which is ${partOf}.`;
  return { name, description, schema: { type: 'string' } };
}

/** Fields that are neither in the path nor in the body, with those of messages one level down. */
export function queryParameters(
  { method, template, body }: Binding,
  options: JsonSchemaOptions,
): Parameter[] {
  if (body === 'all') return [];
  const bound = new Set(template.variables);
  if (body !== 'none') bound.add(body.name);
  return leaves(method.input, '', 2)
    .filter(({ path }) => !bound.has(path) && !bound.has(path.split('.')[0] ?? ''))
    .map(({ path, field }) => ({ ...parameterOf(path, field, options), in: 'query' }));
}

interface Leaf {
  readonly path: string;
  readonly field: DescField;
}

function leaves(message: DescMessage, prefix: string, depth: number): Leaf[] {
  return message.fields.flatMap((field): Leaf[] => {
    const path = `${prefix}${field.name}`;
    if (fitsParameter(field)) return [{ path, field }];
    if (field.fieldKind !== 'message' || depth === 1) return [];
    // What cannot be written as text has no fields that anybody would name: Struct, Any.
    if (field.message.file.name.startsWith('google/protobuf/')) return [];
    return leaves(field.message, `${path}.`, depth - 1);
  });
}

function parameterOf(name: string, field: DescField, options: JsonSchemaOptions): Parameter {
  const { description, ...schema } = fieldJsonSchema(field, options) as JsonSchema & {
    description?: string;
  };
  return { name, ...(description !== undefined && { description }), schema };
}
