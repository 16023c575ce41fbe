import type { TLSSocket } from 'node:tls';
import { type Caller, callerOf, certificateRefused } from '../../identity/caller.ts';
import type { SpiffeId } from '../../identity/spiffe.ts';
import { MeshError } from '../../kernel/error.ts';
import { sessionOf, socketValue } from '../grpc-internals.ts';

/** What a connection has proven: who calls, or why nobody is believed to. */
export type Peer = { readonly caller: Caller } | { readonly refusal: MeshError };

const mark = Symbol('weft.peer');

/** The peers of sessions that have had a call: the socket under a session is dear to ask. */
const known = new WeakMap<object, Peer>();

/** Writes down at the connection what its certificate proves. */
export function markPeer(socket: TLSSocket, own: SpiffeId): Peer {
  const peer = judge(socket, own);
  Reflect.set(socket, mark, peer);
  return peer;
}

/** Who makes a call, by the connection under it; undefined for one that proves nothing, as without TLS. */
export function peerOf(call: object): Peer | undefined {
  const session = sessionOf(call);
  if (session === undefined) return undefined;
  const seen = known.get(session);
  if (seen !== undefined) return seen;
  const peer = socketValue(session, mark) as Peer | undefined;
  if (peer !== undefined) known.set(session, peer);
  return peer;
}

/** The caller of a call; undefined unless its connection has proven one. */
export function callerOfCall(call: object): Caller | undefined {
  const peer = peerOf(call);
  return peer !== undefined && 'caller' in peer ? peer.caller : undefined;
}

function judge(socket: TLSSocket, own: SpiffeId): Peer {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { refusal: noCertificate() };
  try {
    if (!socket.authorized) throw certificateRefused(reasonOf(socket.authorizationError));
    return { caller: callerOf(certificate, own) };
  } catch (thrown) {
    return { refusal: MeshError.from(thrown) };
  }
}

/** The codes of OpenSSL that people meet, in words. */
const meanings: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired; the identity of the caller is not renewed',
  CERT_NOT_YET_VALID: 'it is not valid yet; compare the clocks of the two machines',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'none of the roots that this instance trusts has signed it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'none of the roots that this instance trusts has signed it',
  SELF_SIGNED_CERT_IN_CHAIN: 'it leads to a root that this instance does not trust',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
};

function reasonOf(fault: unknown): string {
  const code = fault instanceof Error ? fault.message : String(fault);
  return meanings[code] ?? code;
}

/** The refusal of a call whose connection is gone, or was never judged. */
export function noCaller(): MeshError {
  return certificateRefused('its connection has not proven who calls');
}

function noCertificate(): MeshError {
  return new MeshError(
    'this instance serves callers with a certificate of the mesh, and none was shown; set IDENTITY=consul',
    { status: 'UNAUTHENTICATED', reason: 'NO_CERTIFICATE' },
  );
}
