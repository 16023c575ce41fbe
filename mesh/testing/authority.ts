import type { Identity } from '../identity/identity.ts';
import { keep } from '../identity/kept.ts';
import { type RawCredentials, readCredentials } from '../identity/leaf.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { type MadeCertificate, makeCertificate } from './certificate.ts';

/** A certificate that is not as it should be, or is. */
export interface LeafRequest {
  /** Default: one, of the service in this trust domain. */
  readonly uris?: readonly string[];
  readonly names?: readonly string[];
  /** From now on, in ms. Default: an hour; negative: it has ended. */
  readonly lifeMs?: number;
}

/** An identity whose renewals are the test's. */
export interface TestIdentity extends Identity {
  /** Another certificate, of the newest root. */
  rotate(request?: LeafRequest): void;
  /** The roots that are trusted now, with the certificate that it has. */
  trust(): void;
}

/** A CA that issues what Consul's would not: certificates of seconds, of the past, of others. */
export interface Authority {
  readonly trustDomain: string;
  /** The roots that are trusted now, the newest last. */
  readonly roots: readonly string[];
  uriOf(service: string): string;
  issue(service: string, request?: LeafRequest): RawCredentials;
  identity(service: string, request?: LeafRequest): TestIdentity;
  /** A new root beside those that there are; `rotate` of an identity takes it up. */
  addRoot(): void;
  /** Trusts all but the newest root no more. */
  dropOldRoots(): void;
}

const hourMs = 3_600_000;

export function createAuthority({
  trustDomain = '11111111-2222-3333-4444-555555555555.consul',
  log = silentLog,
}: {
  readonly trustDomain?: string;
  readonly log?: Log;
} = {}): Authority {
  let made = 0;
  const newRoot = (): MadeCertificate & { readonly name: string } => {
    const name = `Test CA ${String(++made)} of ${trustDomain}`;
    const now = systemClock.now();
    const root = makeCertificate({
      ...{ subject: name, issuer: name, authority: true },
      ...{ notBeforeMs: now - 2 * hourMs, notAfterMs: now + 24 * hourMs },
    });
    return { ...root, name };
  };
  let roots = [newRoot()];

  const authority: Authority = {
    trustDomain,
    get roots() {
      return roots.map(({ certificate }) => certificate);
    },
    uriOf: (service) => `spiffe://${trustDomain}/ns/default/dc/dc1/svc/${service}`,
    issue(service, { uris = [authority.uriOf(service)], names = [], lifeMs = hourMs } = {}) {
      const signer = roots.at(-1) ?? newRoot();
      const notAfterMs = systemClock.now() + lifeMs;
      const { certificate, key } = makeCertificate({
        ...{ subject: service, issuer: signer.name, issuerKey: signer.privateKey, uris, names },
        ...{ notBeforeMs: notAfterMs - hourMs, notAfterMs },
      });
      return { certificates: certificate, key, roots: authority.roots };
    },
    identity(service, request) {
      const source = 'the CA of the test';
      const read = (asked?: LeafRequest) =>
        readCredentials(authority.issue(service, asked), source);
      const ports = { clock: systemClock, log, source, stop: () => undefined };
      const kept = keep(read(request), ports);
      return Object.assign(Object.create(kept) as Identity, {
        rotate(asked?: LeafRequest) {
          kept.show(read(asked));
        },
        trust() {
          kept.show({ leaf: kept.credentials.leaf, roots: authority.roots });
        },
      });
    },
    addRoot() {
      roots = [...roots, newRoot()];
    },
    dropOldRoots() {
      roots = roots.slice(-1);
    },
  };
  return authority;
}
