import type { JsonObject, JsonValue, Message } from '@bufbuild/protobuf';
import { describe, type FieldViolation, MeshError } from '../../kernel/error.ts';
import type { Image } from '../../schema/image.ts';
import { fieldAt } from './field-path.ts';
import { setParameter } from './parameters.ts';
import { isObject, readJson } from './read-json.ts';
import { actionParameter, type Found } from './router.ts';

/** Parameters of the edge itself. */
const ownParameters: ReadonlySet<string> = new Set([actionParameter, 'expand', 'access_token']);

/** What of a request makes its message. */
export interface RequestParts extends Found {
  readonly query: URLSearchParams;
  /** Of one message; undefined: none was sent. */
  readonly body: JsonValue | undefined;
}

/**
 * The message that a request stands for: its body, then its query, then its path, which wins. Throws
 * INVALID_ARGUMENT that names the field at fault: a parameter that is no field is a typing error, which would
 * change what the request means.
 */
export function readRequest(image: Pick<Image, 'registry'>, parts: RequestParts): Message {
  const { binding, variables, query } = parts;
  const { input } = binding.method;
  const json = bodyJson(parts);
  const faults: FieldViolation[] = [];
  for (const name of new Set(query.keys())) {
    if (ownParameters.has(name)) continue;
    const fault = isInBody(binding, name)
      ? { field: name, description: 'send it in the body', reason: 'NOT_A_PARAMETER' }
      : setParameter(json, input, name, query.getAll(name));
    if (fault !== undefined) faults.push(fault);
  }
  for (const [path, value] of variables) {
    const fault = setParameter(json, input, path, [value]);
    if (fault !== undefined) faults.push(fault);
  }
  if (faults.length > 0) throw MeshError.invalid('the request cannot be understood', faults);
  return readJson(image, input, json);
}

/** Whether the body says it, so that an address cannot (google/api/http.proto). */
function isInBody({ body, method: { input } }: Found['binding'], path: string): boolean {
  if (typeof body === 'string') return body === 'all';
  return fieldAt(input, path)?.[0] === body;
}

function bodyJson({ binding, body }: RequestParts): JsonObject {
  if (binding.body === 'none' || body === undefined) return {};
  if (binding.body !== 'all') return { [binding.body.jsonName]: body };
  if (isObject(body)) return { ...body };
  throw MeshError.invalid('the request cannot be understood', [
    { field: '', description: 'the body must be one JSON object', reason: 'INVALID_JSON' },
  ]);
}

/** Text as JSON. Throws INVALID_ARGUMENT / INVALID_JSON. */
export function parseJson(text: string, what = 'the body'): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (thrown) {
    throw new MeshError(`${what} is no JSON: ${describe(thrown)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_JSON',
      cause: thrown,
    });
  }
}
