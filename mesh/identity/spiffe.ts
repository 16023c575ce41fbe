import type { X509Certificate } from 'node:crypto';
import { MeshError } from '../kernel/error.ts';

/** The name of a service in a SPIFFE id as Consul's CA writes it. */
export interface SpiffeId {
  /** All of it, as "spiffe://11111111-2222.consul/ns/default/dc/dc1/svc/orders". */
  readonly uri: string;
  readonly trustDomain: string;
  readonly namespace: string;
  readonly datacenter: string;
  /** The name under which the service is found, as "orders". */
  readonly service: string;
}

/** Consul Enterprise puts a partition in front; the ids of its agents and gateways have other paths. */
const shape =
  /^spiffe:\/\/([a-z0-9.-]{1,255})(?:\/ap\/[A-Za-z0-9_-]{1,64})?\/ns\/([A-Za-z0-9_-]{1,64})\/dc\/([A-Za-z0-9_-]{1,64})\/svc\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/;

/** Reads the SPIFFE id of a service; undefined for anything else, percent signs and capital letters included. */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  const [, trustDomain, namespace, datacenter, service] = shape.exec(uri) ?? [];
  if (trustDomain === undefined || namespace === undefined) return undefined;
  if (datacenter === undefined || service === undefined) return undefined;
  return { uri, trustDomain, namespace, datacenter, service };
}

/**
 * The one name in a certificate. Throws UNAUTHENTICATED / NOT_AN_IDENTITY unless it has exactly one URI and that
 * is the SPIFFE id of a service: with two, who signs and who reads may mean different ones (CVE-2022-40716
 * got past the intentions of Consul so). Common names and DNS names count for nothing.
 */
export function idOf(certificate: X509Certificate): SpiffeId {
  const uris = urisOf(certificate.subjectAltName ?? '');
  const [uri] = uris;
  if (uri === undefined || uris.length > 1) {
    throw notAnIdentity(`it has ${String(uris.length)} URIs and an identity has one`);
  }
  const id = parseSpiffeId(uri);
  if (id === undefined) {
    const shown = JSON.stringify(uri.slice(0, 120));
    throw notAnIdentity(
      `${shown} is no name of a service: spiffe://<domain>/ns/<ns>/dc/<dc>/svc/<name>`,
    );
  }
  return id;
}

/**
 * The URIs among the alternative names, which Node gives as one text: "URI:a, DNS:b". A value that could be
 * taken for more than one is written in quotes, as a JSON text (Node, CVE-2021-44532).
 */
function urisOf(names: string): string[] {
  const found: string[] = [];
  for (const [, kind, quoted, bare] of names.matchAll(
    /(?:^|, )([A-Za-z0-9 ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))/g,
  )) {
    if (kind !== 'URI') continue;
    found.push(quoted === undefined ? (bare ?? '') : String(JSON.parse(quoted)));
  }
  return found;
}

function notAnIdentity(why: string): MeshError {
  return new MeshError(`it does not say who it belongs to: ${why}`, {
    status: 'UNAUTHENTICATED',
    reason: 'NOT_AN_IDENTITY',
  });
}
