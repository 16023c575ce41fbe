import type { IncomingHttpHeaders } from 'node:http';

/**
 * The token of a request: RFC 6750, 2.1. Empty for credentials that hold none, as those of another scheme: who
 * sends them means to be known, and is not let in as nobody.
 */
export function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  if (authorization === undefined) return undefined;
  return /^bearer +([^ ]+)$/i.exec(authorization)?.[1] ?? '';
}

/** The prefix of the subprotocol that carries a token. */
const protocolPrefix = 'bearer.';

/**
 * The token of a WebSocket handshake. A browser cannot set its headers, but for the list of subprotocols: a
 * page asks for ['weft.v1', 'bearer.<JWT>'] and the server chooses the first. As a last resort "access_token"
 * in the query, which ends up in logs of proxies.
 */
export function upgradeTokenOf(headers: IncomingHttpHeaders, url: URL): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  const carrier = offered.find((each) => each.startsWith(protocolPrefix));
  return (
    bearerOf(headers) ??
    carrier?.slice(protocolPrefix.length) ??
    url.searchParams.get('access_token') ??
    undefined
  );
}
