import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../cli/tools/find.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { freePort } from './ports.ts';
import { probe } from './probe.ts';

/** One server of a cluster. */
export interface NatsMember extends Daemon {
  /** Its name in the cluster, as "n1". */
  readonly name: string;
  /** Where clients connect, as "nats://127.0.0.1:21501". */
  readonly url: string;
}

export interface NatsCluster extends Closeable {
  readonly members: readonly NatsMember[];
}

/** Three real nats-servers on loopback that form one cluster, each with its streams in a folder of its own. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const { path } = await findTool('nats-server');
  const ports: { client: number; route: number; monitor: number }[] = [];
  for (let n = 0; n < 3; n++) {
    ports.push({ client: await freePort(), route: await freePort(), monitor: await freePort() });
  }
  const routes = ports.map(({ route }) => `nats://127.0.0.1:${String(route)}`).join(',');
  // All at once: JetStream of a cluster is ready when most of its servers have met.
  const members = await Promise.all(
    ports.map(async ({ client, route, monitor }, i): Promise<NatsMember> => {
      const name = `n${String(i + 1)}`;
      const folder = await mkdtemp(join(tmpdir(), 'weft-nats-'));
      const daemon = await startDaemon({
        command: path,
        folder,
        args: [
          ...['--addr', '127.0.0.1', '--port', String(client), '--http_port', String(monitor)],
          ...['--server_name', name, '--cluster_name', 'weft-test', '--routes', routes],
          ...['--cluster', `nats://127.0.0.1:${String(route)}`],
          ...['--jetstream', '--store_dir', join(folder, 'data')],
        ],
        ready: () => probe(`http://127.0.0.1:${String(monitor)}/healthz`),
      });
      return Object.assign(daemon, { name, url: `nats://127.0.0.1:${String(client)}` });
    }),
  );
  return {
    members,
    async close() {
      await Promise.all(members.map((member) => member.close()));
    },
  };
}
