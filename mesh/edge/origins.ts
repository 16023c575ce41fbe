import type { IncomingHttpHeaders } from 'node:http';
import { MeshError } from '../kernel/error.ts';

/** Whether a page of this origin may ask. */
export type AllowsOrigin = (origin: string | undefined) => boolean;

/**
 * Pages that may ask, as "https://shop.example"; "*" stands for all. Whoever sends no Origin is no page of a
 * browser and is let through: it could send any. Throws INVALID_ARGUMENT for what no browser sends, which would
 * let nobody in.
 */
export function createOrigins(allowed: readonly string[]): AllowsOrigin {
  const wrong = allowed.filter((origin) => origin !== '*' && !isOrigin(origin));
  if (wrong.length > 0) {
    const list = wrong.map((origin) => JSON.stringify(origin)).join(', ');
    throw new MeshError(
      `no page has the origin ${list}; say scheme, host and port alone, in lower case, as "https://shop.example"`,
      { status: 'INVALID_ARGUMENT', reason: 'INVALID_ORIGIN' },
    );
  }
  const known = new Set(allowed);
  return (origin) => origin === undefined || known.has('*') || known.has(origin);
}

/** As browsers write it (WHATWG HTML, 7.1.1); "null" is a page without one, from a file or a sandbox. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (text === 'null' || url === null) return text === 'null';
  // Of schemes that URL does not know, as those of extensions, it tells no origin.
  return (
    url.origin === text || (url.origin === 'null' && /^[a-z][a-z0-9+.-]*:\/\/[^/]+$/.test(text))
  );
}

/** Throws PERMISSION_DENIED / ORIGIN_REFUSED. Browsers do not hold pages back from WebSocket; this does. */
export function checkOrigin(allows: AllowsOrigin, { origin }: IncomingHttpHeaders): void {
  if (allows(origin)) return;
  throw new MeshError(
    `pages of ${String(origin).slice(0, 200)} may not ask here; add it to the origins of the edge`,
    { status: 'PERMISSION_DENIED', reason: 'ORIGIN_REFUSED' },
  );
}
