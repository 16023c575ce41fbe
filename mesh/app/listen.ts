import { join } from 'node:path';
import type { Identity } from '../identity/identity.ts';
import { mtlsKey } from '../kernel/endpoint.ts';
import type { Log } from '../kernel/log.ts';
import { laneKey } from '../rpc/lane/protocol.ts';
import type { MeshServer } from '../rpc/server/server.ts';
import { unixMetadata } from '../rpc/unix.ts';
import type { Settings } from './settings.ts';

/** Where a process listens, and what its peers must know of that. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly metadata: Readonly<Record<string, string>>;
}

interface ListenPorts {
  readonly instanceId: string;
  readonly log: Log;
  /** With one the server takes mutual TLS only. */
  readonly identity?: Identity | undefined;
}

/**
 * Listens at the address of the settings, and at a Unix socket beside it. The socket is a short cut: where it
 * cannot be had, peers come by TCP as they would from another host.
 */
export async function listen(
  server: MeshServer,
  settings: Settings,
  { instanceId, log, identity }: ListenPorts,
): Promise<Listening> {
  const { host, port, sockets, lane, zone, version } = settings;
  const metadata = {
    ...(lane && { [laneKey]: '1' }),
    ...(identity !== undefined && { [mtlsKey]: '1' }),
    ...(zone !== undefined && { zone }),
    ...(version !== undefined && { version }),
  };
  if (sockets === undefined) return { ...(await server.listen({ host, port })), metadata };
  const unix = join(sockets, `${instanceId}.sock`);
  try {
    const address = await server.listen({ host, port, unix });
    return { ...address, metadata: { ...metadata, ...unixMetadata(unix) } };
  } catch (err) {
    // If it was the port that failed, it fails here again, and that is then what is said.
    const address = await server.listen({ host, port });
    log.warn('no Unix socket; peers of this host come by TCP', { unix, err });
    return { ...address, metadata };
  }
}
