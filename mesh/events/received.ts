import type { Image } from '../schema/image.ts';
import { jsonToBytes } from '../schema/json.ts';
import type { Headers } from './bus/bus.ts';
import { type Envelope, encodeValue, fromHeaders } from './envelope.ts';

/** A message as it came, before anybody knows its type. */
export interface Received {
  /** Undefined when nothing says what it is. */
  readonly envelope: Envelope | undefined;
  readonly body: Body;
}

/** In protobuf, or in proto3 JSON as others may write it. */
type Body = { readonly bytes: Uint8Array } | { readonly json: unknown };

/**
 * Reads a CloudEvent, in binary mode (attributes are headers) or in structured mode (one JSON document:
 * content type application/cloudevents+json). Never throws: what cannot be read has no envelope.
 */
export function receive({ headers, data }: { headers: Headers; data: Uint8Array }): Received {
  const contentType = headers['content-type'] ?? '';
  if (contentType.startsWith('application/cloudevents+json')) return structured(headers, data);
  return { envelope: fromHeaders(headers), body: bodyOf(contentType, data) };
}

/** The body in protobuf. Throws what `JSON.parse` and protobuf-es say of JSON that is no such message. */
export function bytesOf(body: Body, typeName: string, image: Pick<Image, 'registry'>): Uint8Array {
  return 'bytes' in body ? body.bytes : jsonToBytes(image, typeName, body.json);
}

function structured(headers: Headers, data: Uint8Array): Received {
  const event = parse(data);
  if (typeof event !== 'object' || event === null)
    return { envelope: undefined, body: { bytes: data } };
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(event)) {
    if (typeof value === 'string') attributes[`ce-${name}`] = encodeValue(value);
  }
  // Headers beside the document are for those who route it; the document is what was meant.
  const envelope = fromHeaders({ ...headers, ...attributes });
  const { data: json, data_base64: base64 } = event as { data?: unknown; data_base64?: unknown };
  if (typeof base64 !== 'string') return { envelope, body: { json } };
  const contentType = attributes['ce-datacontenttype'] ?? '';
  return { envelope, body: bodyOf(contentType, Buffer.from(base64, 'base64')) };
}

function bodyOf(contentType: string, bytes: Uint8Array): Body {
  return contentType.startsWith('application/json') ? { json: parse(bytes) } : { bytes };
}

/** Undefined for what is no JSON: it is no message of any type either, which is found out by its reader. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
