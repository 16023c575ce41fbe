import { count, field, list, text } from './fields.ts';
import type { ConnectLeaf, ConnectRoots, Intention, IntentionPermission } from './types.ts';

/** The answer of /agent/connect/ca/leaf/:service. */
export function parseLeaf(body: unknown): ConnectLeaf {
  const leaf = {
    certificates: text(field(body, 'CertPEM')),
    key: text(field(body, 'PrivateKeyPEM')),
  };
  if (leaf.certificates === '' || leaf.key === '') {
    throw new TypeError('it answered with something that is not a certificate');
  }
  return leaf;
}

/** The answer of /agent/connect/ca/roots. */
export function parseRoots(body: unknown): ConnectRoots {
  const roots = list(field(body, 'Roots') ?? null).map((root) => text(field(root, 'RootCert')));
  // Without a root nobody would be trusted, and that is never what was meant.
  if (roots.length === 0 || roots.includes('')) {
    throw new TypeError('it answered with something that is not a list of roots');
  }
  return { trustDomain: text(field(body, 'TrustDomain')), roots };
}

/** The answer of /connect/intentions. */
export function parseIntentions(body: unknown): Intention[] {
  return list(body).map((each) => ({
    source: text(field(each, 'SourceName')),
    sourceNamespace: text(field(each, 'SourceNS')),
    sourcePeer: text(field(each, 'SourcePeer')),
    destination: text(field(each, 'DestinationName')),
    destinationNamespace: text(field(each, 'DestinationNS')),
    action: text(field(each, 'Action')),
    precedence: count(field(each, 'Precedence')),
    permissions: list(field(each, 'Permissions') ?? null).map(permission),
    needsToken: isThere(field(each, 'JWT')),
  }));
}

function permission(each: unknown): IntentionPermission {
  const http = field(each, 'HTTP');
  return {
    action: text(field(each, 'Action')),
    pathExact: text(field(http, 'PathExact')),
    pathPrefix: text(field(http, 'PathPrefix')),
    pathRegex: text(field(http, 'PathRegex')),
    methods: list(field(http, 'Methods') ?? null).map(text),
    more: isThere(field(http, 'Header')) || isThere(field(each, 'JWT')),
  };
}

function isThere(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}
