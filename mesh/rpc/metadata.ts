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

/** Asked key by key, and so without a list of them: mostly there is none. */
export function isEmpty(metadata: Metadata): boolean {
  for (const _key in metadata) return false;
  return true;
}

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

/** The key in the form in which it travels; throws for an entry that `addEntry` would refuse. */
export function checkedKey(key: string, value: Value): string {
  addEntry(new GrpcMetadata(), key, value);
  return key.toLowerCase();
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

/** The metadata of a call as it arrived, each thing in its place. */
export interface ArrivedMetadata {
  /** What the caller gave; what belongs to gRPC, to the trace or to the client's library is not in it. */
  readonly metadata: Metadata;
  /**
   * The size of all that arrived, see `metadataBytes`, but for tracestate and baggage: they have limits of their
   * own, above which they are dropped, and no call fails because of what others noted on its way.
   */
  readonly bytes: number;
  readonly traceparent: string | undefined;
  /** Absent from most calls. */
  readonly tracestate?: string;
  readonly baggage?: string;
  /** 1 for the first attempt; from gRPC's own header (gRPC A6). */
  readonly attempt: number;
}

const nothing: Metadata = Object.freeze(Object.create(null) as Metadata);

/** What arrived with a call, in one pass: most calls bring nothing but what transports write themselves. */
export function arrivedMetadata(wire: GrpcMetadata): ArrivedMetadata {
  const entries = wire.toJSON();
  let given: Record<string, Value | Value[]> | undefined;
  let bytes = 0;
  let traceparent: string | undefined;
  let attempt = 1;
  let carried: Carried | undefined;
  for (const key in entries) {
    const values = entries[key] ?? [];
    if (isCarried(key)) {
      // Several lines are one list (RFC 9110, 5.3).
      carried = { ...carried, [key]: values.join(',') };
      continue;
    }
    bytes += entriesBytes(key, values);
    const [first] = values;
    if (first === undefined) continue;
    if (key === 'traceparent') traceparent = String(first);
    else if (key === 'grpc-previous-rpc-attempts') attempt = attemptAfter(String(first));
    else if (!isOfTransport(key)) {
      given ??= Object.create(null) as Record<string, Value | Value[]>;
      given[key] = values.length === 1 ? first : values;
    }
  }
  const arrived = { metadata: given ?? nothing, bytes, traceparent, attempt };
  return carried === undefined ? arrived : { ...arrived, ...carried };
}

type Carried = Pick<ArrivedMetadata, 'tracestate' | 'baggage'>;

function isCarried(key: string): boolean {
  return key === 'tracestate' || key === 'baggage';
}

function isOfTransport(key: string): boolean {
  return key === 'user-agent' || key.startsWith('grpc-');
}

function entriesBytes(key: string, values: readonly Value[]): number {
  let bytes = 0;
  for (const each of values) bytes += entryBytes(key, each);
  return bytes;
}

function attemptAfter(previous: string): number {
  return /^\d{1,3}$/.test(previous) ? Number(previous) + 1 : 1;
}

/**
 * The size by which HTTP/2 bounds headers (RFC 9113, 6.5.2): name + value + 32 bytes an entry, values as
 * they travel, so bytes in base64. Pseudo-headers are not in a Metadata and not counted.
 */
export function metadataBytes(metadata: Metadata): number {
  let total = 0;
  for (const key in metadata) {
    const value = metadata[key];
    if (value === undefined) continue;
    if (typeof value === 'string' || value instanceof Uint8Array) total += entryBytes(key, value);
    else for (const each of value) total += entryBytes(key, each);
  }
  return total;
}

function entryBytes(key: string, value: Value): number {
  const length = typeof value === 'string' ? value.length : Math.ceil(value.length / 3) * 4;
  return key.length + length + 32;
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
