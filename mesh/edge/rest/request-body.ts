import type { IncomingHttpHeaders } from 'node:http';
import type { JsonValue } from '@bufbuild/protobuf';
import { MeshError } from '../../kernel/error.ts';
import { parseJson } from './read-request.ts';

const json = /^application\/([\w.-]+\+)?json\b/i;
const lines = /^application\/(x-)?ndjson\b/i;

/**
 * The body of a request as JSON, one value a message; several only where `takesMany`: as lines, or as one
 * array. Throws UNSUPPORTED_MEDIA_TYPE for what does not say that it is JSON: a page of another origin can send
 * forms and plain text without being asked, and JSON it cannot.
 */
export function readMessages(
  body: Buffer,
  headers: IncomingHttpHeaders,
  takesMany: boolean,
): readonly JsonValue[] {
  if (body.length === 0) return [];
  const type = headers['content-type'] ?? '';
  const text = body.toString('utf8');
  if (takesMany && lines.test(type)) {
    return text
      .split('\n')
      .map((line, i) => ({ line, what: `line ${i + 1} of the body` }))
      .filter(({ line }) => line.trim() !== '')
      .map(({ line, what }) => parseJson(line, what));
  }
  if (!json.test(type)) throw unsupported(type, takesMany);
  const value = parseJson(text);
  return takesMany && Array.isArray(value) ? value : [value];
}

function unsupported(type: string, takesMany: boolean): MeshError {
  const wanted = takesMany ? 'application/json or application/x-ndjson' : 'application/json';
  return new MeshError(`a body of type "${type.slice(0, 100)}" is not read here; send ${wanted}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'UNSUPPORTED_MEDIA_TYPE',
  });
}
