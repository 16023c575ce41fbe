import { fromBinary, toJson } from '@bufbuild/protobuf';
import type { MeshError } from '../kernel/error.ts';
import { encodeDetails } from '../schema/details.ts';
import { weftImage } from '../schema/image.ts';
import { httpStatusOf } from './http-status.ts';

/** An error as HTTP says it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * An error as google.rpc.Status in JSON, `{ code, message, details }`, with what HTTP has headers for: when to
 * come again, and how to be known.
 */
export function errorAnswer(error: MeshError): ErrorAnswer {
  const { retryAfterMs } = error.details;
  const status = httpStatusOf(error);
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(retryAfterMs !== undefined &&
        Number.isFinite(retryAfterMs) && { 'retry-after': String(wholeSeconds(retryAfterMs)) }),
      ...(status === 401 && { 'www-authenticate': challenge(error.reason) }),
      ...(error.reason === 'METHOD_NOT_ALLOWED' && { allow: error.details.facts?.['allow'] ?? '' }),
    },
    body: JSON.stringify(statusJson(error)),
  };
}

/** The error as JSON; what streams say when they end badly. */
export function statusJson(error: MeshError): unknown {
  const { registry } = weftImage();
  const type = registry.getMessage('google.rpc.Status');
  // The image of weft holds it, for its own details are made of it.
  // Whatever the error has of them: who reads it finds all three.
  const { code, rawMessage: message } = error;
  const whole = { code, message, details: [] };
  if (type === undefined) return whole;
  const said = toJson(type, fromBinary(type, encodeDetails(error)), { registry });
  return { ...whole, ...(said as object) };
}

/** Retry-After counts in whole seconds; sooner than asked would be too soon. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

/** RFC 6750, 3: without a token nothing is said of what is wrong with it. */
function challenge(reason: string | undefined): string {
  return reason === 'TOKEN_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"';
}
