import { describe, MeshError, type MeshErrorOptions } from '../kernel/error.ts';

/** Consul cannot be reached, or cannot answer now: the same request may succeed later. */
export function unavailable(what: string, why: string, cause?: unknown): MeshError {
  return new MeshError(`${what}: ${why}`, {
    status: 'UNAVAILABLE',
    reason: 'CONSUL_UNAVAILABLE',
    cause,
  });
}

/**
 * The error for whatever the npm client threw. `what` names the request and the agent. Everything that is
 * not an answer (refused, cut, not JSON) and every 5xx and 429 is UNAVAILABLE; the rest is the request's
 * fault and repeats itself.
 */
export function consulError(thrown: unknown, what: string): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const code = statusOf(thrown);
  if (code === undefined) return unavailable(what, describe(thrown), thrown);
  const why = `${String(code)} ${bodyOf(thrown) ?? describe(thrown)}`;
  if (code >= 500 || code === 429) return unavailable(what, why, thrown);
  return new MeshError(`${what}: ${why}`, { ...meaning(code), cause: thrown });
}

function meaning(code: number): MeshErrorOptions {
  if (code === 403) return { status: 'PERMISSION_DENIED', reason: 'CONSUL_DENIED' };
  if (code === 404) return { status: 'NOT_FOUND', reason: 'CONSUL_NOT_FOUND' };
  // Consul decodes "%2F" in a path and redirects to the cleaned one: following would land on another
  // endpoint of its API. The npm client does not follow, and neither do we.
  if (code < 400) return { status: 'FAILED_PRECONDITION', reason: 'CONSUL_REDIRECT' };
  return { status: 'INVALID_ARGUMENT', reason: 'CONSUL_REFUSED' };
}

interface Response {
  readonly statusCode?: unknown;
  readonly body?: unknown;
}

function responseOf(thrown: unknown): Response | undefined {
  if (!(thrown instanceof Error) || !('response' in thrown)) return undefined;
  const { response } = thrown;
  return typeof response === 'object' && response !== null ? response : undefined;
}

function statusOf(thrown: unknown): number | undefined {
  // Only the npm client's "response" errors are about the status; an unreadable 200 has a response too.
  if (!(thrown instanceof Error) || !('isResponse' in thrown)) return undefined;
  const code = responseOf(thrown)?.statusCode;
  return typeof code === 'number' ? code : undefined;
}

/** Consul explains itself in a line of plain text. */
function bodyOf(thrown: unknown): string | undefined {
  const body = responseOf(thrown)?.body;
  const text = Buffer.isBuffer(body) ? body.toString() : body;
  return typeof text === 'string' && text.trim() !== '' ? text.trim().slice(0, 200) : undefined;
}
