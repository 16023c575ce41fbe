import { MeshError, type MeshErrorOptions } from '../kernel/error.ts';

/**
 * An attempt that surely never reached a handler: nothing listened, no connection was made, the stream was
 * refused before it began. Whatever the method does, it has not done it, so the call may go to another
 * endpoint at once. Thrown by transports; it is a class of its own because retries branch on it, and because
 * it must not outlive this process: as a detail of the error it would travel, and tell our own caller that
 * *its* call never reached a handler.
 */
export class UnreachedError extends MeshError {
  constructor(message: string, options: Omit<MeshErrorOptions, 'status'> = {}) {
    super(message, { ...options, status: 'UNAVAILABLE' });
  }
}

/** The reason by which a server that is shutting down refuses a call before its handler sees it. */
export const drainingReason = 'DRAINING';

/** Whether an attempt surely never reached a handler. */
export function neverReached(error: MeshError): boolean {
  return error instanceof UnreachedError || error.reason === drainingReason;
}
