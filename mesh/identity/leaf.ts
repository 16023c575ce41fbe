import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, MeshError } from '../kernel/error.ts';
import { idOf, type SpiffeId } from './spiffe.ts';

/** A certificate of this process, with its key. */
export interface Leaf {
  readonly id: SpiffeId;
  /** In PEM: its own first, then those between it and a root. */
  readonly certificates: string;
  /** In PEM. */
  readonly key: string;
  readonly serial: string;
  /** Between these two, in ms since the epoch, it is valid. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What connections are made with. */
export interface Credentials {
  readonly leaf: Leaf;
  /** In PEM, at least one. A peer is believed if its certificate leads to any of them. */
  readonly roots: readonly string[];
}

/** What a source of certificates gives, before anybody has looked at it. */
export interface RawCredentials {
  readonly certificates: string;
  readonly key: string;
  readonly roots: readonly string[];
}

/**
 * Looks at what a source gave. Throws INVALID_ARGUMENT / IDENTITY_INVALID for what nobody could use: no
 * certificate, the key of another one, no SPIFFE id of a service or several URIs, no root.
 */
export function readCredentials(raw: RawCredentials, source: string): Credentials {
  try {
    const own = new X509Certificate(raw.certificates);
    if (!own.checkPrivateKey(createPrivateKey(raw.key))) {
      throw new Error('the key belongs to another certificate');
    }
    if (raw.roots.length === 0) throw new Error('there is no root');
    for (const root of raw.roots) new X509Certificate(root);
    const { certificates, key, roots } = raw;
    const leaf = { id: idOf(own), certificates, key, ...factsOf(own) };
    return { leaf, roots };
  } catch (thrown) {
    throw new MeshError(`${source} gave no usable identity: ${reasonOf(thrown)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'IDENTITY_INVALID',
      cause: thrown,
    });
  }
}

/** What is told of every certificate, own or foreign. */
export function factsOf(
  certificate: X509Certificate,
): Pick<Leaf, 'serial' | 'notBeforeMs' | 'notAfterMs'> {
  return {
    serial: certificate.serialNumber,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

/** The single certificates of a text in PEM. */
export function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof MeshError ? thrown.rawMessage : describe(thrown);
}
