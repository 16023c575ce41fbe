import { MeshError, type MeshErrorOptions } from '../kernel/error.ts';
import type { Status } from '../kernel/status.ts';

export interface UnreachedOptions extends Omit<MeshErrorOptions, 'status'> {
  /** Default UNAVAILABLE. */
  readonly status?: Status;
  /** A server was there and turned the call away. Default false: nothing of it has left this process. */
  readonly turnedAway?: boolean;
}

/**
 * An attempt that surely never reached a handler: nothing listened, no connection was made, the stream was
 * refused before it began. Whatever the method does, it has not done it, so the call may go to another
 * endpoint at once. Thrown by transports; it is a class of its own because retries branch on it, and because
 * it must not outlive this process: as a detail of the error it would travel, and tell our own caller that
 * *its* call never reached a handler.
 */
export class UnreachedError extends MeshError {
  readonly turnedAway: boolean;

  constructor(message: string, options: UnreachedOptions = {}) {
    const { status = 'UNAVAILABLE', turnedAway = false, ...rest } = options;
    super(message, { ...rest, status });
    this.turnedAway = turnedAway;
  }
}

/** The reason by which a server that is shutting down refuses a call before its handler sees it. */
export const drainingReason = 'DRAINING';

/** Whether an attempt surely never reached a handler. */
export function neverReached(error: MeshError): boolean {
  return error instanceof UnreachedError || error.reason === drainingReason;
}

/** Whether nothing of an attempt has left this process: to make it elsewhere adds no load to anybody. */
export function neverLeft(error: MeshError): boolean {
  return error instanceof UnreachedError && !error.turnedAway;
}

/**
 * Whether an attempt found its way full: nothing is wrong with the endpoint, and room is made whenever another call
 * ends. Such a call waits, as one of gRPC waits for a stream of its connection: how many may wait is bounded by
 * the bulkhead, how long by the deadline.
 */
export function noRoom(error: MeshError): boolean {
  return neverLeft(error) && error.status === 'RESOURCE_EXHAUSTED';
}

/** Whether nobody takes calls at the endpoint of an attempt: nothing listens there, or it is going away. */
export function nobodyThere(error: MeshError): boolean {
  return neverReached(error) && error.status === 'UNAVAILABLE';
}
