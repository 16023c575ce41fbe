import { type Channel, Metadata } from '@grpc/grpc-js';
import { MeshError, type MeshErrorOptions } from '../../kernel/error.ts';
import { statusCode } from '../../kernel/status.ts';
import { UnreachedError, type UnreachedOptions } from '../../resilience/unreached.ts';
import { type CallFacts, toMeshError, type WireStatus } from '../status.ts';
import type { Method } from '../transport.ts';

/** A call of grpc-js, beneath its generated stubs. */
export type WireCall = ReturnType<Channel['createCall']>;

/** What messages and facts of an attempt's errors name. */
export function factsOf(method: Method, endpoint: string, attempts: number): CallFacts {
  return { service: method.service, method: method.name, endpoint, attempts };
}

/** The error of an attempt that did not get as far as a handler. */
export function unreached(
  facts: CallFacts,
  why: string,
  options: Omit<UnreachedOptions, 'details'> = {},
): UnreachedError {
  const { status = 'UNAVAILABLE' } = options;
  const { rawMessage, details } = localError(facts, why, { status });
  return new UnreachedError(rawMessage, { ...options, details });
}

/** An error found on this side, in the words of those that come from the other. */
export function localError(facts: CallFacts, why: string, options: MeshErrorOptions): MeshError {
  const like = toMeshError({ code: 0, details: why, metadata: new Metadata() }, facts);
  return new MeshError(like.rawMessage, {
    ...options,
    details: { ...like.details, ...options.details },
  });
}

/** What a peer answers by RST_STREAM(REFUSED_STREAM): no handler has seen the call (RFC 9113, 8.7). */
const refusedStream = 'Stream refused by server';

/** The connection went away between the choice of it and the first byte; grpc-js calls that INTERNAL. */
const notStarted = 'Failed to start HTTP/2 stream';

/**
 * The error of an attempt that ended with `status`. grpc-js does not say whether a call was ever given to a
 * connection, but its peer tells: it is the channel's own target until there is one.
 */
export function wireError(
  status: WireStatus,
  facts: CallFacts,
  { peer, target }: { readonly peer: string; readonly target: string },
): MeshError {
  const { code, details } = status;
  const refused = code === statusCode.UNAVAILABLE && (peer === target || details === refusedStream);
  if (refused || (peer === target && details.startsWith(notStarted))) {
    const turnedAway = details === refusedStream;
    return unreached(facts, connectText(details), { turnedAway, cause: status });
  }
  return toMeshError(status, facts);
}

/** grpc-js wraps the reason why it cannot connect in words of its own; the reason is what people need. */
export function connectText(details: string): string {
  const [, reason] = /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details) ?? [];
  return reason === undefined || reason === '' ? details : `no connection: ${reason}`;
}
