import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

type Json = Readonly<Record<string, unknown>>;

const metaSchema = new URL('../../third_party/openapi/schema-3.1.json', import.meta.url);

/**
 * What is wrong with an OpenAPI 3.1 document, by the schema that its authors publish; undefined: nothing. That
 * schema leaves open what a schema in the document may hold; here it must be one of JSON Schema 2020-12.
 */
export function faultsOfDocument(document: Json): unknown {
  const official = JSON.parse(readFileSync(metaSchema, 'utf8')) as { $defs: Record<string, Json> };
  const dialect = { $ref: 'https://json-schema.org/draft/2020-12/schema' };
  const schema = { ...official, $defs: { ...official.$defs, schema: dialect } };
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const validate = ajv.compile(schema);
  return validate(document) ? undefined : validate.errors;
}

/** An OpenAPI document as the judge of answers. */
export interface DocumentedAnswers {
  /** The operations of the document, as "GET /v1/orders/{order_id}". */
  readonly operations: readonly string[];
  /** What is wrong with a body by the schema of its operation, status and content type; undefined: nothing. */
  faults(operation: string, answer: Answered): unknown;
  /** The same for the body of a request. */
  requestFaults(operation: string, body: unknown): unknown;
}

export interface Answered {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

const id = 'openapi';

/** Throws for a schema that JSON Schema 2020-12 does not understand. */
export function documentedAnswers(document: Json): DocumentedAnswers {
  const ajv = new Ajv2020({ strictTypes: true, strictSchema: false, validateFormats: false });
  ajv.addSchema(document, id);
  const pointers = operationsOf(document);
  const check = (pointer: string, body: unknown): unknown => {
    const validate = ajv.getSchema(`${id}#${pointer}`);
    if (validate === undefined) return `the document has nothing at ${pointer}`;
    return validate(body) === true ? undefined : validate.errors;
  };
  const place = (operation: string): string => {
    const pointer = pointers.get(operation);
    if (pointer === undefined) throw new Error(`the document has no ${operation}`);
    return pointer;
  };
  return {
    operations: [...pointers.keys()],
    faults(operation, { status, contentType, body }) {
      const responses = `${place(operation)}/responses`;
      const own = ajv.getSchema(`${id}#${responses}/${String(status)}`) !== undefined;
      const answer = own ? `${responses}/${String(status)}` : '/components/responses/Error';
      return check(`${answer}/content/${escaped(contentType)}/schema`, body);
    },
    requestFaults(operation, body) {
      return check(`${place(operation)}/requestBody/content/application~1json/schema`, body);
    },
  };
}

function operationsOf({ paths }: Json): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(paths as Json).flatMap(([path, item]) =>
      Object.keys(item as Json).map((verb): [string, string] => [
        `${verb.toUpperCase()} ${path}`,
        `/paths/${escaped(path)}/${verb}`,
      ]),
    ),
  );
}

/** RFC 6901, 3, and what a fragment of a URI cannot hold. */
function escaped(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}
