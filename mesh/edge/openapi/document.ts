import type { DescMessage } from '@bufbuild/protobuf';
import type { Image } from '../../schema/image.ts';
import { type JsonSchema, jsonSchemaOf, messagesInside } from '../../schema/json-schema.ts';
import type { Binding } from '../rest/bindings.ts';
import { operationOf } from './operation.ts';

export interface OpenApiOptions {
  readonly image: Image;
  readonly bindings: readonly Binding[];
  /** Default "weft". */
  readonly title?: string;
  /** Of the API. Default "1". */
  readonly version?: string;
  /** Whether callers need a token. Default false. */
  readonly isProtected?: boolean;
}

/** All that the edge shows over REST as an OpenAPI 3.1 document, made from the contracts alone. */
export function openApiDocument(options: OpenApiOptions): Readonly<Record<string, unknown>> {
  const { image, bindings, title = 'weft', version = '1', isProtected = false } = options;
  const shown = bindings.filter(({ verb }) => verbs.has(verb));
  const paths = new Map<string, Record<string, unknown>>();
  const ids = new Map<string, number>();
  for (const binding of shown) {
    const { method, template, verb } = binding;
    const times = (ids.get(method.name) ?? 0) + 1;
    ids.set(method.name, times);
    const operationId = times === 1 ? method.name : `${method.name}${String(times)}`;
    const path = template.text.replaceAll(/\{([^=}]+)=[^}]*\}/g, '{$1}');
    const item = paths.get(path) ?? {};
    item[verb.toLowerCase()] = operationOf(binding, { image, operationId, refTo });
    paths.set(path, item);
  }
  return {
    openapi: '3.1.0',
    info: { title, version },
    ...(isProtected && { security: [{ bearer: [] }] }),
    paths: Object.fromEntries(paths),
    components: {
      schemas: { ...schemasOf(shown, image), 'google.rpc.Status': statusSchema },
      responses: { Error: errorResponse },
      ...(isProtected && {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      }),
    },
  };
}

const verbs: ReadonlySet<string> = new Set(['GET', 'PUT', 'POST', 'DELETE', 'PATCH']);

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
      items: { type: 'object', properties: { '@type': { type: 'string' } } },
    },
  },
  required: ['code', 'message'],
};

const errorResponse = {
  description: 'The request failed or was refused.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/google.rpc.Status' } } },
};
