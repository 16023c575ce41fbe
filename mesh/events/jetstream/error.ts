import { ErrorCode, NatsError } from 'nats';
import { describe, MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';

// What heals by waiting: a server that restarts, elects a leader or recovers its streams says so in one of
// these ways, "jetstream is not enabled" included.
const away = new Set<string>([
  ErrorCode.NoResponders,
  ErrorCode.Timeout,
  ErrorCode.ConnectionClosed,
  ErrorCode.ConnectionDraining,
  ErrorCode.ConnectionRefused,
  ErrorCode.ConnectionTimeout,
  ErrorCode.Disconnect,
  '429',
]);
const denied = new Set<string>([
  ErrorCode.AuthorizationViolation,
  ErrorCode.PermissionsViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.AccountExpired,
  ErrorCode.BadAuthentication,
]);

const tooLarge = new Set<string>([ErrorCode.MaxPayloadExceeded]);

/** Numbers of the JetStream API. Source: nats-server, server/errors.json. */
export const apiError = {
  consumerNotFound: 10014,
  messageNotFound: 10037,
  messageTooLarge: 10054,
  streamNameInUse: 10058,
  streamNotFound: 10059,
} as const;
// No room: insufficient resources, storage, limits of stream or account.
const full = new Set([10023, 10028, 10047, 10077, 10122]);

/** The MeshError of what the client threw. */
export function fromNats(thrown: unknown, what: string): MeshError {
  if (thrown instanceof MeshError) return thrown;
  if (!(thrown instanceof NatsError)) {
    // A socket error of the first dial.
    return brokerError('UNAVAILABLE', what, thrown);
  }
  if (thrown.api_error !== undefined) return fromApiError(thrown.api_error, what, thrown);
  if (tooLarge.has(thrown.code)) {
    return brokerError('INVALID_ARGUMENT', what, thrown);
  }
  if (denied.has(thrown.code)) return brokerError('PERMISSION_DENIED', what, thrown);
  return brokerError(away.has(thrown.code) ? 'UNAVAILABLE' : 'INTERNAL', what, thrown);
}

/** The MeshError of an error in an answer of the JetStream API, publish acks included. */
export function fromApiError(
  { code, err_code = 0, description }: { code: number; err_code?: number; description: string },
  what: string,
  cause?: unknown,
): MeshError {
  return brokerError(statusOf(code, err_code), what, cause ?? description, description);
}

function statusOf(code: number, errCode: number): Status {
  if (full.has(errCode)) return 'RESOURCE_EXHAUSTED';
  if (errCode === apiError.messageTooLarge) return 'INVALID_ARGUMENT';
  if (code === 404) return 'NOT_FOUND';
  return code === 503 || code === 408 || code === 429 ? 'UNAVAILABLE' : 'INTERNAL';
}

/** Whether `thrown` carries this number of the JetStream API. */
export function isApiError(thrown: unknown, errCode: number): boolean {
  return thrown instanceof NatsError && thrown.api_error?.err_code === errCode;
}

export function unavailable(what: string, why: string): MeshError {
  return brokerError('UNAVAILABLE', what, why, why);
}

function brokerError(status: Status, what: string, cause: unknown, words?: string): MeshError {
  const why = words ?? describe(cause);
  return new MeshError(`${what}: ${why}`, {
    status,
    reason: reasons[status] ?? 'BROKER_ERROR',
    cause,
  });
}

const reasons: Partial<Record<Status, string>> = {
  UNAVAILABLE: 'BROKER_UNAVAILABLE',
  RESOURCE_EXHAUSTED: 'BROKER_FULL',
  PERMISSION_DENIED: 'BROKER_DENIED',
  INVALID_ARGUMENT: 'MESSAGE_REFUSED',
};
