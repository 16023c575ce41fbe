import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../cli/tools/find.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { freePort } from './ports.ts';
import { probe } from './probe.ts';

export interface NatsServer extends Daemon {
  /** Where clients connect, as "nats://127.0.0.1:21501". */
  readonly url: string;
  /** Its monitoring page, as "http://127.0.0.1:21502": /jsz, /connz, /healthz. */
  readonly monitor: string;
  /** The folder of its streams. */
  readonly data: string;
}

/** A real nats-server with JetStream on file storage, so that streams outlive a kill and a restart. */
export async function startNats(): Promise<NatsServer> {
  const { path } = await findTool('nats-server');
  const folder = await mkdtemp(join(tmpdir(), 'weft-nats-'));
  const port = await freePort();
  const monitorPort = await freePort();
  const data = join(folder, 'data');
  const monitor = `http://127.0.0.1:${String(monitorPort)}`;
  const daemon = await startDaemon({
    command: path,
    folder,
    args: [
      ...['--addr', '127.0.0.1', '--port', String(port), '--http_port', String(monitorPort)],
      ...['--jetstream', '--store_dir', data],
    ],
    // healthz is 200 only once JetStream has recovered its streams.
    ready: () => probe(`${monitor}/healthz`),
  });
  return Object.assign(daemon, {
    url: `nats://127.0.0.1:${String(port)}`,
    monitor,
    data,
  });
}
