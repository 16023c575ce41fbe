import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import type { Metadata } from '../kernel/call.ts';
import { MeshError } from '../kernel/error.ts';

type Value = string | Uint8Array;

/**
 * Keys that belong to gRPC or HTTP/2. Letting a caller write them would corrupt the call, or make Node
 * throw inside a callback where nobody catches (ERR_HTTP2_INVALID_CONNECTION_HEADERS).
 */
const reserved = new Set([
  'connection',
  'content-length',
  'content-type',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * weft's metadata as grpc-js wants it, added to `into` (default: a new one). Throws INVALID_ARGUMENT /
 * INVALID_METADATA for a key or value that cannot travel, and for keys that belong to gRPC ("grpc-...").
 */
export function toGrpcMetadata(
  metadata: Metadata,
  into: GrpcMetadata = new GrpcMetadata(),
): GrpcMetadata {
  for (const [key, value] of Object.entries(metadata)) {
    for (const each of listOf(value)) addEntry(into, key, each);
  }
  return into;
}

/** Adds one entry under the rules of `toGrpcMetadata`. */
export function addEntry(into: GrpcMetadata, key: string, value: Value): void {
  if (isReserved(key.toLowerCase())) throw invalid(key, 'the key belongs to gRPC');
  try {
    into.add(key, typeof value === 'string' ? value : Buffer.from(value));
  } catch (thrown) {
    throw invalid(key, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** What arrived, as weft's metadata. The object has no prototype: a key may be called "constructor". */
export function fromGrpcMetadata(metadata: GrpcMetadata): Metadata {
  const result = Object.create(null) as Record<string, Value | Value[]>;
  for (const [key, values] of Object.entries(metadata.toJSON())) {
    const [only] = values;
    if (only !== undefined) result[key] = values.length === 1 ? only : values;
  }
  return result;
}

/** The first value of a key as text; undefined if it is absent or bytes. */
export function firstText(metadata: Metadata, key: string): string | undefined {
  const value = metadata[key];
  const [first] = value === undefined ? [] : listOf(value);
  return typeof first === 'string' ? first : undefined;
}

/**
 * The size by which HTTP/2 bounds headers (RFC 9113, 6.5.2): name + value + 32 bytes an entry, values as
 * they travel, so bytes in base64. Pseudo-headers are not in a Metadata and not counted.
 */
export function metadataBytes(metadata: Metadata): number {
  let total = 0;
  for (const [key, value] of Object.entries(metadata)) {
    for (const each of listOf(value)) {
      const length = typeof each === 'string' ? each.length : Math.ceil(each.length / 3) * 4;
      total += key.length + length + 32;
    }
  }
  return total;
}

function listOf(value: Metadata[string]): readonly Value[] {
  // Array.isArray does not narrow a readonly array out of a union.
  return typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
}

function isReserved(key: string): boolean {
  return key.startsWith('grpc-') || key.startsWith(':') || reserved.has(key);
}

function invalid(key: string, why: string): MeshError {
  return new MeshError(
    `metadata ${JSON.stringify(key.slice(0, 80))} cannot be sent: ${why}; use keys of a-z, 0-9, '_', '-', '.', ` +
      `printable ASCII values, and bytes only under keys that end in "-bin"`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_METADATA' },
  );
}
