import { statSync } from 'node:fs';
import type { Endpoint } from '../kernel/endpoint.ts';
import { hostId } from './host-id.ts';

/** Where an instance listens beside its port: the absolute path of a Unix socket. */
export const unixKey = 'weft-unix';

/** On which host that path means something (host-id.ts). */
export const hostKey = 'weft-host';

/** What an instance registers, so that clients on its host find its socket. */
export function unixMetadata(path: string): Record<string, string> {
  return { [unixKey]: path, [hostKey]: hostId() };
}

/** The socket by which an endpoint is reached from here; undefined if it has none, or not on this host. */
export function socketOf({ metadata }: Endpoint): string | undefined {
  const path = metadata[unixKey];
  if (path === undefined || metadata[hostKey] !== hostId()) return undefined;
  return isSocket(path) ? path : undefined;
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}
