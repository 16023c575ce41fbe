import type { ServiceError } from '@grpc/grpc-js';
import type { MeshError } from '../../kernel/error.ts';
import { toStatus } from '../status.ts';

/**
 * The error that a callback of grpc-js expects: the very one that grpc-js gave, when the call failed over
 * there; else one of the same shape for what weft decided here, with reason and details in its metadata.
 */
export function serviceErrorOf(error: MeshError): ServiceError {
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (isServiceError(cause)) return cause;
  }
  const status = toStatus(error);
  const text = `${String(status.code)} ${error.status}: ${status.details}`;
  return Object.assign(new Error(text, { cause: error }), status);
}

function isServiceError(error: Error): error is ServiceError {
  return 'code' in error && 'details' in error && 'metadata' in error;
}
