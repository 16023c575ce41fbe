import type { AskOptions } from '../admin/collect.ts';
import { createGuest, type Guest } from '../app/guest.ts';
import { type Consul, createConsul } from '../consul/client.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import type { Resolver } from '../discovery/resolver.ts';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { runningMesh } from './checkout.ts';
import type { Environment } from './environment.ts';

/** The name by which a mesh with identities, and its intentions, know the commands of weft. */
export const cliName = 'weft-cli';

/** What a command that asks the whole mesh is given. */
export interface MeshDoor extends Pick<Guest, 'transport' | 'channelTo'> {
  readonly consul: Consul;
  readonly resolver: Resolver;
  /** The names of all services that Consul's agent knows, sorted; they can be called by `transport` from then on. */
  services(): Promise<string[]>;
}

/** The mesh of the given Consul, of MESH_CONSUL, or of this checkout; open as long as `work` runs. */
export async function throughMesh<T>(
  given: string | undefined,
  environment: Environment,
  work: (mesh: MeshDoor) => Promise<T>,
): Promise<T> {
  const address = given ?? environment['MESH_CONSUL'] ?? (await runningMesh()).consul;
  const ports = { clock: systemClock, random: systemRandom, log: silentLog };
  const consul = createConsul({ address, ...ports });
  const discovery = createConsulDiscovery({ consul, ...ports });
  const guest = createGuest({ consul, name: cliName, ...ports });
  try {
    return await work({
      ...{ consul, resolver: discovery.resolver },
      ...{ transport: guest.transport, channelTo: guest.channelTo },
      async services() {
        const known = await consul.ownServices();
        await guest.meet(known);
        return [...new Set(known.map(({ service }) => service))].sort();
      },
    });
  } finally {
    await discovery.close();
    await guest.close();
    consul.close();
  }
}

/** The door of a command, with where it writes. */
export interface Door extends MeshDoor {
  readonly io: CommandIo;
}

/** The same for a command with options of its own, among them `--url`. */
export function throughDoor(
  io: CommandIo,
  { url }: { readonly url?: string },
  work: (mesh: Door) => Promise<void>,
): Promise<void> {
  return throughMesh(url, io.environment, (mesh) => work({ ...mesh, io }));
}

/** The services to ask: one, or all that Consul's agent knows. NOT_FOUND/UNKNOWN_SERVICE. */
export async function whomToAsk(mesh: MeshDoor, service: string | undefined): Promise<AskOptions> {
  const known = await mesh.services();
  const services = service === undefined ? known : [service];
  if (service !== undefined && !known.includes(service)) {
    throw new MeshError(
      `Consul's agent knows no service "${service}"; it knows ${known.join(', ') || 'none'}`,
      { status: 'NOT_FOUND', reason: 'UNKNOWN_SERVICE' },
    );
  }
  const { resolver, transport } = mesh;
  return { services, resolver, transport, clock: systemClock };
}

/** Where such a command writes; a test holds the other end. */
export interface CommandIo {
  /** What was asked for. */
  print(text: string): void;
  /** What a person should know beside it. */
  note(text: string): void;
  readonly environment: Environment;
}
