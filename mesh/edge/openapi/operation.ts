import { commentOf } from '../../schema/comments.ts';
import {
  fieldJsonSchema,
  type JsonSchema,
  type JsonSchemaOptions,
} from '../../schema/json-schema.ts';
import { type Binding, makesSomething, nameOfMethod, shownBy } from '../rest/bindings.ts';
import { isReading } from '../rest/expand.ts';
import { keyFieldOf } from '../rest/idempotency-key.ts';
import { halType } from '../rest/links.ts';
import { type Relation, type Resources, relationsInside } from '../rest/resources.ts';
import { isRemembered } from '../rest/rest.ts';
import { type Parameter, pathParameters, queryParameters } from './parameters.ts';
import type { DocumentedPath } from './paths.ts';
import { requestSchema } from './request-schema.ts';

export interface OperationOptions extends JsonSchemaOptions {
  readonly operationId: string;
  readonly path: DocumentedPath;
  readonly resources: Resources;
  /** Whether answers to requests with a key are kept, where the contract has no field for it. */
  readonly keepsAnswers: boolean;
}

/** One operation of an OpenAPI document. */
export function operationOf(
  binding: Binding,
  options: OperationOptions,
): Readonly<Record<string, unknown>> {
  const { method, body } = binding;
  const { operationId, path } = options;
  const summary = commentOf(method);
  return {
    operationId,
    tags: [method.parent.typeName],
    ...(summary !== '' && { description: summary }),
    'x-grpc-method': nameOfMethod(method),
    parameters: [
      ...pathParameters(binding, path, options),
      ...queryParameters(binding, options),
      ...ownParameters(binding, options),
    ],
    ...(body !== 'none' && {
      requestBody: { required: true, content: requestContent(binding, options) },
    }),
    responses: {
      ...successOf(binding, options),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

/** What the edge reads beside the contract. */
export const ownParameterSchemas: Readonly<Record<string, Parameter>> = {
  IdempotencyKey: {
    ...{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string', minLength: 8 } },
    description: 'Makes repeated requests one: the answer of the first is given again.',
  },
  RequestTimeout: {
    ...{ name: 'X-Request-Timeout', in: 'header' },
    description: 'How long the caller waits, in seconds: 1.5. It can only shorten what is allowed.',
    schema: { type: 'string', pattern: String.raw`^\d{1,6}(\.\d{1,9})?$` },
  },
};

function ownParameters(
  binding: Binding,
  { resources, keepsAnswers }: OperationOptions,
): Parameter[] {
  const { method } = binding;
  const relations = isUnary(binding) ? relationsInside(resources, shownBy(binding)) : [];
  const words = [...new Set(relations.filter(isReading).map(({ rel }) => rel))];
  const takesKey =
    (keyFieldOf(method.input) !== undefined && binding.body !== 'none') ||
    (keepsAnswers && isRemembered(binding));
  return [
    ...(words.length > 0 ? [expandParameter(words)] : []),
    ...(takesKey ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
    { $ref: '#/components/parameters/RequestTimeout' },
  ];
}

function expandParameter(words: readonly string[]): Parameter {
  return {
    ...{ name: 'expand', in: 'query', style: 'form', explode: false },
    description: 'What is embedded in the answer, under _embedded.',
    schema: { type: 'array', items: { type: 'string', enum: words } },
  };
}

function successOf(binding: Binding, options: OperationOptions): Readonly<Record<string, unknown>> {
  const schema = answerSchema(binding, options);
  if (!isUnary(binding)) {
    return { '200': { description: 'The answers, one after the other.', content: many(schema) } };
  }
  const relations = relationsInside(options.resources, shownBy(binding));
  const content = {
    'application/json': { schema },
    ...(relations.length > 0 && { [halType]: { schema } }),
  };
  const own = ownRelations(binding, options.resources);
  const isNew = makesSomething(binding) && own.some(({ rel }) => rel === 'self');
  if (!isNew) return { '200': { description: 'The answer.', content } };
  const location = { description: 'Where it is found.', schema: { type: 'string' } };
  return { '201': { description: 'It was made.', headers: { Location: location }, content } };
}

function ownRelations(binding: Binding, resources: Resources): readonly Relation[] {
  const message = shownBy(binding);
  return message === undefined ? [] : (resources.get(message) ?? []);
}

function answerSchema({ method, responseBody }: Binding, options: OperationOptions): JsonSchema {
  if (responseBody !== undefined) return fieldJsonSchema(responseBody, options);
  return { $ref: options.refTo(method.output) };
}

/** Server streams have one answer as well, when what is sent comes from the client alone. */
function isUnary({ method: { methodKind } }: Binding): boolean {
  return methodKind === 'unary' || methodKind === 'client_streaming';
}

function requestContent(
  binding: Binding,
  options: OperationOptions,
): Readonly<Record<string, unknown>> {
  const schema = requestSchema(binding, options);
  const { methodKind } = binding.method;
  if (methodKind === 'unary' || methodKind === 'server_streaming') {
    return { 'application/json': { schema } };
  }
  return {
    'application/json': { schema: { type: 'array', items: schema } },
    'application/x-ndjson': { schema },
  };
}

/** OpenAPI 3.1 has no word for a sequence: the schema is that of a line, or of the data of an event. */
function many(schema: JsonSchema): Readonly<Record<string, unknown>> {
  const error = { $ref: '#/components/schemas/google.rpc.Status' };
  const line = {
    type: 'object',
    description: 'One line: an answer, or the error that ends them.',
    oneOf: [
      { properties: { result: schema }, required: ['result'] },
      { properties: { error }, required: ['error'] },
    ],
  };
  const data = {
    description:
      'The data of one event; of an event "status": the error that ends them; of "end": nothing.',
    anyOf: [schema, error, { type: 'object', maxProperties: 0 }],
  };
  return { 'application/x-ndjson': { schema: line }, 'text/event-stream': { schema: data } };
}
