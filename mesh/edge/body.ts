import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Incoming } from './incoming.ts';

export interface BodyLimits {
  readonly bodyBytes: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

/** Reads a body whole. Throws BODY_TOO_LARGE, BODY_TIMEOUT, or CLIENT_LEFT. */
export async function readBody(
  incoming: Incoming,
  signal: AbortSignal,
  { bodyBytes, requestTimeoutMs, clock }: BodyLimits,
): Promise<Buffer> {
  const said = Number(incoming.headers['content-length'] ?? 0);
  if (said > bodyBytes) throw tooLarge(bodyBytes);
  const pieces: Buffer[] = [];
  let size = 0;
  const state = { isLate: false };
  // Node bounds the time of a body over HTTP/1.1 only.
  const cancel = clock.after(requestTimeoutMs, () => {
    state.isLate = true;
    incoming.destroy();
  });
  try {
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > bodyBytes) throw tooLarge(bodyBytes);
      pieces.push(piece);
    }
  } catch (thrown) {
    if (state.isLate) throw tooLate(requestTimeoutMs);
    if (thrown instanceof MeshError) throw thrown;
    throw signal.aborted ? clientLeft() : MeshError.from(thrown);
  } finally {
    cancel();
  }
  return Buffer.concat(pieces);
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
