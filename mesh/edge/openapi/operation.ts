import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { commentOf } from '../../schema/comments.ts';
import {
  fieldJsonSchema,
  type JsonSchema,
  type JsonSchemaOptions,
} from '../../schema/json-schema.ts';
import { type Binding, nameOfMethod } from '../rest/bindings.ts';
import { fieldAt } from '../rest/field-path.ts';
import { keyFieldOf } from '../rest/idempotency-key.ts';

export interface OperationOptions extends JsonSchemaOptions {
  readonly operationId: string;
}

type Parameter = Readonly<Record<string, unknown>>;

/** One operation of an OpenAPI document. */
export function operationOf(
  binding: Binding,
  options: OperationOptions,
): Readonly<Record<string, unknown>> {
  const { method, body } = binding;
  const { operationId } = options;
  const parameters = [...pathParameters(binding, options), ...queryParameters(binding, options)];
  if (keyFieldOf(method.input) !== undefined) parameters.push(keyHeader);
  const summary = commentOf(method);
  return {
    operationId,
    tags: [method.parent.name],
    ...(summary !== '' && { description: summary }),
    'x-grpc-method': nameOfMethod(method),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== 'none' && {
      requestBody: {
        required: true,
        content: contentOf(requestSchema(binding, options), isManyIn(binding)),
      },
    }),
    responses: {
      '200': {
        description: 'The answer.',
        content: isManyOut(binding)
          ? streamContent(answerSchema(binding, options))
          : contentOf(answerSchema(binding, options), false),
      },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

const keyHeader: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes repeated requests one; stands for the field of the contract that says the same.',
  schema: { type: 'string', minLength: 8 },
};

function pathParameters({ method, template }: Binding, options: OperationOptions): Parameter[] {
  return template.variables.flatMap((name) => {
    const field = fieldAt(method.input, name)?.at(-1);
    return field === undefined
      ? []
      : [{ ...parameterOf(name, field, options), in: 'path', required: true }];
  });
}

/** Fields that are neither in the path nor in the body, with those of messages one level down. */
function queryParameters(
  { method, template, body }: Binding,
  options: OperationOptions,
): Parameter[] {
  if (body === 'all') return [];
  const bound = new Set(template.variables);
  if (body !== 'none') bound.add(body.name);
  return leaves(method.input, '', 2)
    .filter(({ path }) => !bound.has(path) && !bound.has(path.split('.')[0] ?? ''))
    .map(({ path, field }) => ({ ...parameterOf(path, field, options), in: 'query' }));
}

function leaves(
  message: DescMessage,
  prefix: string,
  depth: number,
): { readonly path: string; readonly field: DescField }[] {
  return message.fields.flatMap((field) => {
    const path = `${prefix}${field.name}`;
    const isOpen =
      field.message !== undefined && !field.message.file.name.startsWith('google/protobuf/');
    if (!isOpen && field.fieldKind !== 'map') return [{ path, field }];
    if (field.fieldKind !== 'message' || depth === 1) return [];
    return leaves(field.message, `${path}.`, depth - 1);
  });
}

function parameterOf(name: string, field: DescField, options: OperationOptions): Parameter {
  const { description, ...schema } = fieldJsonSchema(field, options) as JsonSchema & {
    description?: string;
  };
  return { name, ...(description !== undefined && { description }), schema };
}

function requestSchema({ method, body }: Binding, options: OperationOptions): JsonSchema {
  if (typeof body === 'object') return fieldJsonSchema(body, options);
  return { $ref: options.refTo(method.input) };
}

function answerSchema({ method, responseBody }: Binding, options: OperationOptions): JsonSchema {
  if (responseBody !== undefined) return fieldJsonSchema(responseBody, options);
  return { $ref: options.refTo(method.output) };
}

function isManyIn({ method: { methodKind } }: Binding): boolean {
  return methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
}

function isManyOut({ method: { methodKind } }: Binding): boolean {
  return methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
}

function contentOf(schema: JsonSchema, isMany: boolean): Readonly<Record<string, unknown>> {
  if (!isMany) return { 'application/json': { schema } };
  return {
    'application/json': { schema: { type: 'array', items: schema } },
    'application/x-ndjson': { schema },
  };
}

function streamContent(schema: JsonSchema): Readonly<Record<string, unknown>> {
  const line = { type: 'object', properties: { result: schema } };
  return { 'application/x-ndjson': { schema: line }, 'text/event-stream': { schema } };
}
