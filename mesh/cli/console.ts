import { Command } from 'commander';
import { startConsole } from '../console/console.ts';
import type { InstanceFacts, ProcessFacts } from '../console/sources.ts';
import { createBacklogView } from '../events/jetstream/backlog.ts';
import { addressOf } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { thisCheckout } from './checkout.ts';
import { environment } from './environment.ts';
import { type CommandIo, type MeshDoor, throughMesh } from './mesh-door.ts';
import { askSupervisor } from './supervisor/launch.ts';
import type { MeshStatus } from './supervisor/status.ts';

interface ConsoleOptions {
  readonly port?: string;
  readonly consul?: string;
  readonly nats?: string;
}

const processIo: CommandIo = {
  print: (text) => console.log(text),
  note: (text) => console.error(text),
  environment: environment(),
};

/** `ended` resolves when the console is to end; default: SIGTERM or SIGINT. */
export function consoleCommand(
  io: CommandIo = processIo,
  { ended = interrupted }: { readonly ended?: () => Promise<void> } = {},
): Command {
  return new Command('console')
    .description('show the mesh in a browser: topology, services, traces, events; live')
    .option('-p, --port <port>', 'where it listens, on this machine only (default: any free one)')
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .option('--nats <servers>', 'where to ask what waits; default: MESH_NATS, or that of weft up')
    .action((options: ConsoleOptions) =>
      throughMesh(options.consul, io.environment, async (mesh) => {
        const { run } = thisCheckout();
        const status = await askSupervisor(run);
        if (isShown(options) && status?.console !== undefined) {
          io.print(
            `The mesh is shown at ${status.console}, since weft up (--port: at another one).`,
          );
          return;
        }
        const nats = options.nats ?? io.environment['MESH_NATS'] ?? status?.nats ?? '';
        const servers = nats.split(',').filter((server) => server !== '');
        const backlog = servers.length === 0 ? undefined : createBacklogView({ servers });
        const served = await startConsole({
          port: portOf(options.port ?? '0'),
          sources: {
            services: () => mesh.services(),
            instances: (services) => instancesOf(mesh, services),
            resolver: mesh.resolver,
            transport: mesh.transport,
            channels: backlog && (() => backlog.read()),
            processes: async () => processesOf(await askSupervisor(run), mesh),
          },
        });
        try {
          io.print(`The mesh is shown at ${served.url} (Ctrl+C ends that).`);
          await ended();
        } finally {
          await served.close();
          await backlog?.close();
        }
      }),
    );
}

/** Whether a console that runs already is as good as another. */
function isShown({ port, consul, nats }: ConsoleOptions): boolean {
  return port === undefined && consul === undefined && nats === undefined;
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw MeshError.invalid('weft console', [
    { field: '--port', description: `${JSON.stringify(text)} is no port: use 0 to 65535` },
  ]);
}

/** How long Consul may take to answer, in ms. */
const timeoutMs = 1_000;

async function instancesOf(
  { consul }: MeshDoor,
  services: readonly string[],
): Promise<InstanceFacts[]> {
  const answers = await Promise.all(
    services.map((service) => consul.instances(service, { all: true, timeoutMs })),
  );
  return answers.flatMap(({ value }) =>
    value.map((each) => {
      const { id, service, health, meta } = each;
      return { id, service, health, address: addressOf(each), version: meta['version'] ?? '' };
    }),
  );
}

/** Those that are instances of the mesh that is looked at; another one may run in the folder where this was started. */
function processesOf(
  status: MeshStatus | undefined,
  { consul }: MeshDoor,
): ProcessFacts[] | undefined {
  if (status?.consul !== consul.address) return undefined;
  return status.processes.flatMap(({ ready, state, restarts, lastExit, startedAtMs }) => {
    if (ready.kind !== 'passing') return [];
    const { service, instanceId } = ready;
    return [
      {
        ...{ service, instanceId, state, restarts },
        ...(lastExit !== undefined && { lastExit }),
        ...(startedAtMs !== undefined && { startedAtMs }),
      },
    ];
  });
}
