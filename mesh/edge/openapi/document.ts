import type { DescMessage } from '@bufbuild/protobuf';
import { commentOf } from '../../schema/comments.ts';
import type { Image } from '../../schema/image.ts';
import { type JsonSchema, jsonSchemaOf, messagesInside } from '../../schema/json-schema.ts';
import type { Binding } from '../rest/bindings.ts';
import type { Resources } from '../rest/resources.ts';
import { operationOf, ownParameterSchemas } from './operation.ts';
import { documentedPaths } from './paths.ts';

export interface OpenApiOptions {
  readonly image: Image;
  readonly bindings: readonly Binding[];
  readonly resources: Resources;
  /** Default "weft". */
  readonly title?: string;
  /** Of the API. Default "1". */
  readonly version?: string;
  /** Whether callers need a token, or may have one. Default "none". */
  readonly tokens?: 'none' | 'optional' | 'required';
  /** Whether answers to requests with a key are kept. Default false. */
  readonly keepsAnswers?: boolean;
}

/** All that the edge shows over REST as an OpenAPI 3.1 document, made from the contracts alone. */
export function openApiDocument(options: OpenApiOptions): Readonly<Record<string, unknown>> {
  const { image, bindings, title = 'weft', version = '1', tokens = 'none' } = options;
  const shown = bindings.filter(({ verb }) => verbs.has(verb));
  const services = new Set(shown.map(({ method }) => method.parent));
  return {
    openapi: '3.1.0',
    info: { title, version },
    tags: [...services].map((service) => {
      const description = commentOf(service);
      return { name: service.typeName, ...(description !== '' && { description }) };
    }),
    ...(tokens !== 'none' && {
      security: [{ bearer: [] }, ...(tokens === 'optional' ? [{}] : [])],
    }),
    paths: pathsOf(shown, options),
    components: {
      schemas: { ...schemasOf(shown, image), 'google.rpc.Status': statusSchema },
      parameters: ownParameterSchemas,
      responses: { Error: errorResponse },
      ...(tokens !== 'none' && {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      }),
    },
  };
}

/** Those for which a path of OpenAPI has a word. */
const verbs: ReadonlySet<string> = new Set(['GET', 'PUT', 'POST', 'DELETE', 'PATCH']);

function pathsOf(
  bindings: readonly Binding[],
  { image, resources, keepsAnswers = false }: OpenApiOptions,
): Readonly<Record<string, unknown>> {
  const paths = new Map<string, Record<string, unknown>>();
  const taken = new Set<string>();
  for (const [binding, path] of documentedPaths(bindings)) {
    const verb = binding.verb.toLowerCase();
    const item = paths.get(path.text) ?? {};
    paths.set(path.text, item);
    // "{a}" and "{a=**}" are one path here, and can have one operation under a verb.
    if (verb in item) continue;
    const operationId = idOf(binding, taken);
    item[verb] = operationOf(binding, {
      ...{ image, refTo, operationId, path, resources, keepsAnswers },
    });
  }
  return Object.fromEntries(paths);
}

/** "OrdersService_GetOrder", for functions of generated clients; numbered where a method has several bindings. */
function idOf({ method }: Binding, taken: Set<string>): string {
  const first = `${method.parent.name}_${method.name}`;
  let id = first;
  for (let n = 2; taken.has(id); n++) id = `${first}_${String(n)}`;
  taken.add(id);
  return id;
}

function refTo({ typeName }: DescMessage): string {
  return `#/components/schemas/${typeName}`;
}

/** The schemas of all messages that requests and answers hold, each once. */
function schemasOf(bindings: readonly Binding[], image: Image): Record<string, JsonSchema> {
  const known = new Map<string, DescMessage>();
  const add = (message: DescMessage): void => {
    if (known.has(message.typeName)) return;
    known.set(message.typeName, message);
    for (const inner of messagesInside(message)) add(inner);
  };
  for (const { method } of bindings) {
    add(method.input);
    add(method.output);
  }
  const sorted = [...known.values()].sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
  return Object.fromEntries(
    sorted.map((message) => [message.typeName, jsonSchemaOf(message, { image, refTo })]),
  );
}

const statusSchema: JsonSchema = {
  type: 'object',
  description: 'What went wrong: google.rpc.Status with its details.',
  properties: {
    code: { type: 'integer', description: 'The status of gRPC.' },
    message: { type: 'string' },
    details: {
      type: 'array',
      items: { type: 'object', properties: { '@type': { type: 'string' } }, required: ['@type'] },
    },
  },
  required: ['code', 'message', 'details'],
};

const errorResponse = {
  description: 'The request failed or was refused.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/google.rpc.Status' } } },
};
