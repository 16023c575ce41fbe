import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  /**
   * From the next restart on no file of it grows beyond so many KiB: a write that would is refused (EFBIG), which is
   * as near to a full disk as one comes without being root. Undefined: none is. Its log is one of them.
   */
  limitFiles(kib: number | undefined): Promise<void>;
}

// By the shell, which knows how everywhere: in blocks of 512 bytes, read anew at each start.
const limited = '[ ! -f file-limit ] || ulimit -S -f "$(cat file-limit)"; exec "$@"';

/** A real nats-server with JetStream on file storage, so that streams outlive a kill and a restart. */
export async function startNats(): Promise<NatsServer> {
  const { path } = await findTool('nats-server');
  const folder = await mkdtemp(join(tmpdir(), 'weft-nats-'));
  const port = await freePort();
  const monitorPort = await freePort();
  const data = join(folder, 'data');
  const monitor = `http://127.0.0.1:${String(monitorPort)}`;
  const daemon = await startDaemon({
    command: '/bin/sh',
    folder,
    args: [
      ...['-c', limited, 'sh', path],
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
    limitFiles: (kib: number | undefined) => {
      const file = join(folder, 'file-limit');
      return kib === undefined ? rm(file, { force: true }) : writeFile(file, String(2 * kib));
    },
  });
}
