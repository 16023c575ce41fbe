import type { ClientSide, ServerSide } from './contender.ts';
import { bareServer } from './contenders/bare.ts';
import { weftServer } from './contenders/weft.ts';

/** Those that `npm ci` in peers/ brings. */
export const peers = ['nice', 'connect', 'nest', 'moleculer'] as const;
export type Peer = (typeof peers)[number];

/** What a server process can serve. */
export type Kind = 'bare' | 'weft' | Peer;

export async function serverOf(kind: Kind): Promise<ServerSide> {
  if (kind === 'bare') return bareServer;
  return kind === 'weft' ? weftServer : (await peer(kind)).server;
}

/** The module of a peer. It cannot be imported by name: it is there only when its packages are installed. */
export async function peer(
  name: Peer,
): Promise<{ readonly server: ServerSide; readonly client: ClientSide }> {
  const module: unknown = await import(new URL(`peers/${name}.mjs`, import.meta.url).href);
  return module as { server: ServerSide; client: ClientSide };
}
