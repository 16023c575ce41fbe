/**
 * The frames of a socket: JSON objects, one a text message. docs/guides/websocket.md describes them for those
 * who write a client without weft.
 */
import { MeshError } from '../../kernel/error.ts';

/** What a client asks: a verb of the server's, under an id of the client's own, which the answer repeats. */
export interface Request {
  readonly type: string;
  /** 1 to 64 characters. */
  readonly id: string;
  /** The whole frame. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a server says: `type` says what the frame is. */
export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/** The answer to a request that failed; without an id when it could not be read so far. */
export interface ErrorFrame extends Frame {
  readonly type: 'error';
  readonly id?: string;
  readonly status: string;
  readonly reason?: string;
  readonly message: string;
}

/** With which code a connection is closed (RFC 6455, 7.4, and IANA's registry), and what the other side does then. */
export const closeCode = {
  /** A client has what it wanted. */
  normal: 1000,
  /** A message that was no text. */
  notText: 1003,
  /** Origin, token or rights are no longer good: get a new token, then come back. */
  policy: 1008,
  /** The server leaves or starts anew: connect again, to whoever answers, and resume. */
  restart: 1012,
  /** The client did not read what it was sent: connect again when it can keep up, and resume. */
  slowReader: 4008,
} as const;

/** Reads what a client sent. Throws INVALID_ARGUMENT / FRAME_NOT_READ. */
export function readRequest(text: string): Request {
  const fields = parse(text);
  const { type, id } = fields;
  if (typeof type !== 'string' || type === '') throw notRead('has no "type"');
  if (typeof id !== 'string' || id === '' || id.length > 64) {
    throw notRead('has no "id": a text of 1 to 64 characters, which the answer repeats');
  }
  return { type, id, fields };
}

/** The id of a frame that is otherwise not usable, so that its sender learns which one it was. */
export function idOf(text: string): string | undefined {
  try {
    const { id } = parse(text);
    return typeof id === 'string' ? id.slice(0, 64) : undefined;
  } catch {
    return undefined;
  }
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw notRead('is no JSON', thrown);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw notRead('is no JSON object');
  }
  return value as Record<string, unknown>;
}

function notRead(why: string, cause?: unknown): MeshError {
  return new MeshError(`the frame ${why}; send {"type": …, "id": …}`, {
    ...{ status: 'INVALID_ARGUMENT', reason: 'FRAME_NOT_READ', cause },
  });
}

/** How an error is told to a client. */
export function errorFrame(id: string | undefined, error: MeshError): ErrorFrame {
  const { status, reason, rawMessage: message, details } = error;
  const { violations, facts, retryAfterMs } = details;
  return {
    type: 'error',
    ...(id !== undefined && { id }),
    ...{ status, message },
    ...(reason !== undefined && { reason }),
    ...(violations && { violations }),
    ...(facts && { facts }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** The error of which a frame tells. */
export function errorOfFrame(frame: Frame): MeshError {
  const { status, reason, message, facts, retryAfterMs } = frame;
  return new MeshError(String(message), {
    status: (typeof status === 'string' ? status : 'UNKNOWN') as MeshError['status'],
    ...(typeof reason === 'string' && { reason }),
    details: {
      ...(typeof facts === 'object' && { facts: facts as Record<string, string> }),
      ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    },
  });
}
