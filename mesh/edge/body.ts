import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Incoming } from './incoming.ts';

export interface BodyLimits {
  readonly bodyBytes: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * Reads a body whole. Throws BODY_TOO_LARGE, BODY_TIMEOUT, or CLIENT_LEFT; the request itself is left as it is, so
 * that the error can be told.
 */
export function readBody(
  incoming: Incoming,
  signal: AbortSignal,
  { bodyBytes, requestTimeoutMs, clock }: BodyLimits,
): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > bodyBytes) {
    return Promise.reject(tooLarge(bodyBytes));
  }
  if (incoming.readableEnded) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const finish = (error?: MeshError): void => {
      cancel();
      incoming.off('data', onData).off('error', onGone);
      signal.removeEventListener('abort', onGone);
      if (error === undefined) resolve(Buffer.concat(pieces));
      else {
        // Not read on, and not destroyed: over HTTP/1.1 the connection would go with it, and with that the answer.
        incoming.pause();
        reject(error);
      }
    };
    const onData = (piece: Buffer): void => {
      size += piece.length;
      if (size > bodyBytes) finish(tooLarge(bodyBytes));
      else pieces.push(piece);
    };
    const onGone = (): void => {
      finish(clientLeft());
    };
    // Node bounds the time of a body over HTTP/1.1 only.
    const cancel = clock.after(requestTimeoutMs, () => {
      finish(tooLate(requestTimeoutMs));
    });
    incoming
      .on('data', onData)
      .once('end', () => finish())
      .once('error', onGone);
    signal.addEventListener('abort', onGone, { once: true });
    if (signal.aborted) onGone();
  });
}

/** The end of a request whose client is not there any more. */
export function clientLeft(): MeshError {
  return new MeshError('the client left before its answer was complete', {
    status: 'CANCELLED',
    reason: 'CLIENT_LEFT',
  });
}

function tooLarge(most: number): MeshError {
  return new MeshError(`the body is larger than ${most} bytes; send less at a time`, {
    status: 'INVALID_ARGUMENT',
    reason: 'BODY_TOO_LARGE',
  });
}

function tooLate(ms: number): MeshError {
  return new MeshError(`the body was not here after ${ms} ms`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'BODY_TIMEOUT',
  });
}
