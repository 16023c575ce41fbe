import { type Consul, createConsul } from '../consul/client.ts';
import { addressOf } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { systemRandom } from '../kernel/random.ts';
import { runningMesh } from './checkout.ts';
import type { Environment } from './environment.ts';

export interface TargetOptions {
  /** "host:port": nobody is asked. */
  readonly address?: string;
  /** Consul's HTTP address. Default: MESH_CONSUL, else that of the mesh of this checkout. */
  readonly consul?: string;
}

/** An instance to call: the given address, or a healthy one that Consul knows under the name. */
export async function findAddress(
  target: string,
  options: TargetOptions,
  environment: Environment,
): Promise<string> {
  if (options.address !== undefined) return checkedAddress(options.address);
  return withConsul(options, environment, async (consul) => {
    const { value: healthy } = await consul.instances(target);
    const chosen = healthy[Math.floor(systemRandom.next() * healthy.length)];
    if (chosen !== undefined) return addressOf(chosen);
    const known = await serviceNames(consul);
    throw new MeshError(
      `Consul at ${consul.address} knows no healthy instance of "${target}"; its agent knows ${known.join(', ') || 'no service'}; weft ps shows what runs here`,
      { status: 'UNAVAILABLE', reason: 'NO_INSTANCE' },
    );
  });
}

/** grpc-js takes an address without a port for one of port 443, and says of it only that nobody is there. */
function checkedAddress(given: string): string {
  const address = given.replace(/^https?:\/\//, '').replace(/\/$/, '');
  if (/^unix:.|^[^/]+:\d{1,5}$/.test(address)) return address;
  throw new MeshError(
    `${JSON.stringify(given)} is no address: write it as "127.0.0.1:7101", with the port; weft ps shows those of the mesh that runs here`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_ADDRESS' },
  );
}

/** The names of all services that are registered with the agent, sorted. */
export function findTargets(options: TargetOptions, environment: Environment): Promise<string[]> {
  return withConsul(options, environment, serviceNames);
}

async function serviceNames(consul: Consul): Promise<string[]> {
  const services = await consul.ownServices();
  return [...new Set(services.map(({ service }) => service))].sort();
}

async function withConsul<T>(
  options: TargetOptions,
  environment: Environment,
  work: (consul: Consul) => Promise<T>,
): Promise<T> {
  const given = options.consul ?? environment['MESH_CONSUL'];
  const consul = createConsul({ address: given ?? (await runningMesh()).consul });
  try {
    return await work(consul);
  } finally {
    consul.close();
  }
}
