import { X509Certificate } from 'node:crypto';
import { MeshError } from '../kernel/error.ts';
import { factsOf } from './leaf.ts';
import { idOf, type SpiffeId } from './spiffe.ts';

/** Who is at the other end of a connection, as a certificate has proven it. */
export interface Caller {
  readonly id: SpiffeId;
  /** Of the certificate, in hexadecimal. */
  readonly serial: string;
  /** The end of the certificate, in ms since the epoch. */
  readonly notAfterMs: number;
}

/**
 * Who a certificate speaks for, whose chain has been verified already. Throws UNAUTHENTICATED /
 * CERTIFICATE_REFUSED for a name that is none, for two of them, and for one of another trust domain: the chain
 * says that somebody signed it, Consul compares no domains, so this is the place where it is done.
 */
export function callerOf(certificate: X509Certificate, own: SpiffeId): Caller {
  const { serial, notAfterMs } = factsOf(certificate);
  const id = named(certificate);
  if (id.trustDomain !== own.trustDomain) {
    throw certificateRefused(`it is of the trust domain ${id.trustDomain}, not ${own.trustDomain}`);
  }
  return { id, serial, notAfterMs };
}

/** The same for a server, that must be the one which was meant. `der` is the certificate as it came. */
export function checkServer(der: Uint8Array, service: string, own: SpiffeId): void {
  const { id } = callerOf(new X509Certificate(der), own);
  if (id.service !== service) {
    throw certificateRefused(`it is of "${id.service}" (${id.uri}), and "${service}" was called`);
  }
}

export function certificateRefused(why: string): MeshError {
  return new MeshError(`the certificate is refused: ${why}`, {
    status: 'UNAUTHENTICATED',
    reason: 'CERTIFICATE_REFUSED',
  });
}

function named(certificate: X509Certificate): SpiffeId {
  try {
    return idOf(certificate);
  } catch (thrown) {
    throw certificateRefused(MeshError.from(thrown).rawMessage);
  }
}
