import { toUSVString } from 'node:util';
import type { Any } from '../../gen/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { type ErrorDetails, type FieldViolation, MeshError } from '../kernel/error.ts';
import { statusName } from '../kernel/status.ts';
import type { MessageType } from './definition.ts';

/** ErrorInfo.domain of every reason that weft and its services give. */
const domain = 'weft';

/**
 * Trailers share one header block with everything else, and peers bound that block: gRPC's C core (Python,
 * Ruby, PHP) refuses 8 KiB and weft itself does too. 3 KiB are 4 KiB in base64, and leave room for a message.
 */
const maxDetailsBytes = 3 * 1024;

const maxMessageBytes = 1024;

/**
 * The reason and the details of an error as a google.rpc.Status: BadRequest for violations, ErrorInfo for
 * reason and facts, RetryInfo for retryAfterMs. What would not fit into a trailer (3 KiB) is left out, last
 * violations first, then facts; the last violation kept then says how many are missing.
 */
export function encodeDetails(error: MeshError): Uint8Array {
  const { violations = [] } = error.details;
  for (let kept = violations.length; ; kept = Math.floor(kept / 2)) {
    const bytes = encodeStatus(error, firstOf(violations, kept), error.details.facts ?? {});
    if (bytes.length <= maxDetailsBytes) return bytes;
    if (kept === 0) return encodeStatus(error, [], {});
  }
}

/**
 * Reads what `encodeDetails` wrote, or what another gRPC implementation put there in the same form.
 * Never throws: an error must arrive even if its details are damaged, so what cannot be read is left out.
 */
export function decodeDetails(bytes: Uint8Array): { reason?: string; details: ErrorDetails } {
  const status = attempt(() => Status.decode(bytes));
  if (status === undefined) return { details: {} };
  const badRequest = unpack(status.details, BadRequest);
  const info = unpack(status.details, ErrorInfo);
  const retry = unpack(status.details, RetryInfo)?.retryDelay;
  const details: ErrorDetails = {
    ...(badRequest && { violations: badRequest.fieldViolations.map(violationFrom) }),
    ...(info && Object.keys(info.metadata).length > 0 && { facts: { ...info.metadata } }),
    ...(retry && { retryAfterMs: Number(retry.seconds) * 1000 + retry.nanos / 1e6 }),
  };
  return info === undefined || info.reason === '' ? { details } : { reason: info.reason, details };
}

/** An error as a message: what travels where there are no trailers. */
export function toStatus(error: MeshError): Status {
  return Status.decode(encodeDetails(error));
}

/** What `toStatus` wrote; a status of others keeps what can be read. */
export function fromStatus(status: Status): MeshError {
  const { reason, details } = decodeDetails(Status.encode(status).finish());
  return new MeshError(status.message, {
    ...{ status: statusName(status.code), details },
    ...(reason !== undefined && { reason }),
  });
}

/** Cuts `text` to at most `bytes` bytes as a header carries it: percent-encoded, well-formed UTF-16. */
export function fitHeader(text: string, bytes: number = maxMessageBytes): string {
  // encodeURI throws on a lone surrogate, and grpc-js calls it on every status message.
  const wellFormed = toUSVString(text);
  if (encodeURI(wellFormed).length <= bytes) return wellFormed;
  let cut = '';
  let length = encodeURI('…').length;
  for (const character of wellFormed) {
    length += encodeURI(character).length;
    if (length > bytes) break;
    cut += character;
  }
  return `${cut}…`;
}

function encodeStatus(
  error: MeshError,
  violations: readonly FieldViolation[],
  facts: Readonly<Record<string, string>>,
): Uint8Array {
  const details: Any[] = [];
  if (violations.length > 0) {
    details.push(pack(BadRequest, { fieldViolations: violations.map(violationOf) }));
  }
  if (error.reason !== undefined || Object.keys(facts).length > 0) {
    details.push(pack(ErrorInfo, { reason: error.reason ?? '', domain, metadata: facts }));
  }
  const { retryAfterMs } = error.details;
  // Infinity stands for "never" and has no form in RetryInfo; the pushback header says it.
  if (retryAfterMs !== undefined && Number.isFinite(retryAfterMs)) {
    details.push(pack(RetryInfo, { retryDelay: durationOf(retryAfterMs) }));
  }
  const message = fitHeader(error.rawMessage);
  return Status.encode({ code: error.code, message, details }).finish();
}

function firstOf(violations: readonly FieldViolation[], kept: number): FieldViolation[] {
  const first = violations.slice(0, kept);
  const left = violations.length - kept;
  if (left > 0 && kept > 0) {
    const description = `and ${String(left)} more that did not fit; mend these first`;
    first.push({ field: '', description, reason: 'MORE' });
  }
  return first;
}

function violationOf(violation: FieldViolation): BadRequest['fieldViolations'][number] {
  const { field, description, reason = '' } = violation;
  return { field, description, reason, localizedMessage: undefined };
}

function violationFrom(from: BadRequest['fieldViolations'][number]): FieldViolation {
  const { field, description, reason } = from;
  return reason === '' ? { field, description } : { field, description, reason };
}

function durationOf(ms: number): { seconds: bigint; nanos: number } {
  const whole = Math.max(0, Math.floor(ms / 1000));
  return { seconds: BigInt(whole), nanos: Math.max(0, Math.round((ms - whole * 1000) * 1e6)) };
}

/** The prefix is what every gRPC implementation writes; readers look only behind the last slash. */
const prefix = 'type.googleapis.com/';

function pack<T>(type: MessageType<T>, message: T): Any {
  return {
    typeUrl: prefix + type.$type,
    value: Buffer.from(type.encode(message).finish()),
  };
}

function unpack<T>(packed: readonly Any[], type: MessageType<T>): T | undefined {
  const found = packed.find((any) => any.typeUrl.endsWith(`/${type.$type}`));
  return found && attempt(() => type.decode(found.value));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
