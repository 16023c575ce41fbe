import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type ErrorDetails, MeshError } from '../kernel/error.ts';
import { statusName } from '../kernel/status.ts';
import { decodeDetails, encodeDetails, fitHeader } from '../schema/details.ts';

/** Where google.rpc.Status travels; the name is fixed by gRPC (doc/PROTOCOL-HTTP2.md, "Status-Details"). */
const detailsKey = 'grpc-status-details-bin';

/** How long a server wants a client to wait before a retry, in ms; below 0 means never (gRPC A6). */
const pushbackKey = 'grpc-retry-pushback-ms';

/** What the caller knows of a call that failed; becomes part of the message and of the error's facts. */
export interface CallFacts {
  /** The full service name. */
  readonly service: string;
  readonly method: string;
  /** "host:port"; absent if no endpoint was reached. */
  readonly endpoint?: string;
  /** Attempts made so far, this one counted; named in the message when more than one. */
  readonly attempts?: number;
}

/** What grpc-js reports at the end of a call; its ServiceError is one of these too. */
export interface WireStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * The error that a caller sees for a status from the wire. Facts of this call win over facts of the same
 * name that came with the error: they say which of *our* calls failed.
 *
 * `retryAfterMs` is the server's pushback. It is Infinity when the server asked for no retry at all, so
 * compare it with what is left before waiting for it: a timer of Infinity fires at once.
 */
export function toMeshError(wire: WireStatus, facts: CallFacts): MeshError {
  const [bytes] = wire.metadata.get(detailsKey);
  const carried = bytes instanceof Uint8Array ? decodeDetails(bytes) : { details: {} };
  const retryAfterMs = pushback(wire.metadata) ?? carried.details.retryAfterMs;
  const details: ErrorDetails = {
    ...carried.details,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    facts: { ...carried.details.facts, ...factsOf(facts) },
  };
  const text = wire.details === '' ? 'the server gave no message' : wire.details;
  return new MeshError(`${whereOf(facts)}: ${text}`, {
    status: statusName(wire.code),
    ...(carried.reason !== undefined && { reason: carried.reason }),
    details,
    cause: wire,
  });
}

/**
 * The status that travels for an error: its message without the status prefix, its reason and details in
 * grpc-status-details-bin, its retryAfterMs in grpc-retry-pushback-ms as well, because that is what the
 * retry of other gRPC clients reads. Message and details are cut to what a trailer may hold.
 */
export function toStatus(error: MeshError): StatusObject {
  const metadata = new Metadata();
  if (error.reason !== undefined || Object.keys(error.details).length > 0) {
    metadata.set(detailsKey, Buffer.from(encodeDetails(error)));
  }
  const { retryAfterMs } = error.details;
  if (retryAfterMs !== undefined) {
    metadata.set(pushbackKey, Number.isFinite(retryAfterMs) ? retryAfterMs.toFixed(0) : '-1');
  }
  return { code: status[error.status], details: fitHeader(error.rawMessage), metadata };
}

/** Removes from trailers what is the mesh's own business, before a caller sees them. */
export function withoutStatusEntries(trailers: Metadata): Metadata {
  const rest = trailers.clone();
  rest.remove(detailsKey);
  rest.remove(pushbackKey);
  return rest;
}

function pushback(trailers: Metadata): number | undefined {
  const [value] = trailers.get(pushbackKey);
  if (value === undefined) return undefined;
  // A value that cannot be read means "do not retry" as well (gRPC A6).
  return /^\d{1,10}$/.test(value.toString()) ? Number(value) : Number.POSITIVE_INFINITY;
}

function whereOf({ service, method, endpoint, attempts = 1 }: CallFacts): string {
  const at = endpoint === undefined ? '' : ` at ${endpoint}`;
  return `${service}/${method}${at}${attempts > 1 ? ` (attempt ${String(attempts)})` : ''}`;
}

function factsOf({ service, method, endpoint, attempts }: CallFacts): Record<string, string> {
  return {
    service,
    method,
    ...(endpoint !== undefined && { endpoint }),
    ...(attempts !== undefined && { attempts: String(attempts) }),
  };
}
