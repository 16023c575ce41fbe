/** The status codes of gRPC by name; the number is what travels. Source: grpc/doc/statuscodes.md. */
export const statusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A status by name, as "UNAVAILABLE". */
export type Status = keyof typeof statusCode;

const names = Object.keys(statusCode) as Status[];

/** The name of a status number; a number that gRPC does not know is UNKNOWN. */
export function statusName(code: number): Status {
  return names[code] ?? 'UNKNOWN';
}

// An answer to what was asked, by its meaning in gRPC; the others say that there was no answer.
const refusals: ReadonlySet<Status> = new Set<Status>([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
]);

/** Whether whoever was asked said no, and would say no again. */
export function isRefusal(status: Status): boolean {
  return refusals.has(status);
}
