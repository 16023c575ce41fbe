import type { Status } from '../kernel/status.ts';

/** google/rpc/code.proto says which code of HTTP stands for each of gRPC. */
const httpStatus: Readonly<Record<Status, number>> = {
  OK: 200,
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  UNAUTHENTICATED: 401,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
};

/** Reasons of the edge's own, for which HTTP has a better word than for their status. */
const byReason: Readonly<Record<string, number>> = {
  NO_ROUTE: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  BODY_TIMEOUT: 408,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
};

/** What a code of HTTP says in the words of gRPC; several share a code, and the first of them stands for it. */
export function statusOfHttp(code: number): string {
  if (code < 400) return 'OK';
  const [status] = Object.entries(httpStatus).find(([, its]) => its === code) ?? [];
  return status ?? (code < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
}

/** The status of HTTP for an error. */
export function httpStatusOf(error: {
  readonly status: Status;
  readonly reason: string | undefined;
}): number {
  return byReason[error.reason ?? ''] ?? httpStatus[error.status];
}
