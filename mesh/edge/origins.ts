import type { IncomingHttpHeaders } from 'node:http';
import { MeshError } from '../kernel/error.ts';

/** Whether a page of this origin may ask. */
export type AllowsOrigin = (origin: string | undefined) => boolean;

/**
 * Pages that may ask, as "https://shop.example"; "*" stands for all. Whoever sends no Origin is no page of a
 * browser and is let through: it could send any.
 */
export function createOrigins(allowed: readonly string[]): AllowsOrigin {
  const known = new Set(allowed);
  return (origin) => origin === undefined || known.has('*') || known.has(origin);
}

/** Throws PERMISSION_DENIED / ORIGIN_REFUSED. Browsers do not hold pages back from WebSocket; this does. */
export function checkOrigin(allows: AllowsOrigin, { origin }: IncomingHttpHeaders): void {
  if (allows(origin)) return;
  throw new MeshError(
    `pages of ${String(origin).slice(0, 200)} may not ask here; add it to the origins of the edge`,
    { status: 'PERMISSION_DENIED', reason: 'ORIGIN_REFUSED' },
  );
}
