import { createGuest } from '../app/guest.ts';
import { type Consul, createConsul } from '../consul/client.ts';
import type { RegisteredService } from '../consul/types.ts';
import { addressOf } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { systemRandom } from '../kernel/random.ts';
import type { ChannelSecured } from '../rpc/mtls/channel.ts';
import { runningMesh } from './checkout.ts';
import type { Environment } from './environment.ts';
import { cliName } from './mesh-door.ts';

export interface TargetOptions {
  /** "host:port": Consul is not asked where, and may be away. */
  readonly address?: string;
  /** Consul's HTTP address. Default: MESH_CONSUL, else that of the mesh of this checkout. */
  readonly consul?: string;
}

/** An instance to call. */
export interface Callee {
  readonly address: string;
  /** How it is reached; undefined: without TLS. */
  readonly secured: ChannelSecured | undefined;
}

/**
 * An instance to call: the given address, or a healthy one that Consul knows under the name. Throws NO_IDENTITY if it
 * is called with a certificate only, and Consul gives none.
 */
export async function findCallee(
  target: string,
  options: TargetOptions,
  environment: Environment,
): Promise<Callee> {
  if (options.address !== undefined) {
    return calleeAt(checkedAddress(options.address), options, environment);
  }
  return withConsul(options, environment, async (consul) => {
    const { value: healthy } = await consul.instances(target);
    const chosen = healthy[Math.floor(systemRandom.next() * healthy.length)];
    if (chosen !== undefined) return calleeOf(chosen, consul);
    const known = await serviceNames(consul);
    throw new MeshError(
      `Consul at ${consul.address} knows no healthy instance of "${target}"; its agent knows ${known.join(', ') || 'no service'}; weft ps shows what runs here`,
      { status: 'UNAVAILABLE', reason: 'NO_INSTANCE' },
    );
  });
}

/** With the certificate of this moment: it lasts for days, and a command for one call. */
async function calleeOf(instance: RegisteredService, consul: Consul): Promise<Callee> {
  const guest = createGuest({ consul, name: cliName });
  try {
    return { address: addressOf(instance), secured: await guest.channelTo(instance) };
  } finally {
    await guest.close();
  }
}

/** How long Consul may take to say what it knows of an address that can be called without it, in ms. */
const lookWithinMs = 1_000;

/** An address says nothing of whose it is, and a certificate is judged by that: Consul may know. */
function calleeAt(
  address: string,
  options: TargetOptions,
  environment: Environment,
): Promise<Callee> {
  const unknown = { address, secured: undefined };
  const at = address.replace(/^localhost:/, '127.0.0.1:');
  return withConsul(options, environment, async (consul) => {
    const known = await consul.ownServices({ timeoutMs: lookWithinMs }).catch(() => []);
    const instance = known.find((each) => addressOf(each) === at);
    return instance === undefined ? unknown : { ...(await calleeOf(instance, consul)), address };
  }).catch((thrown: unknown) => {
    if (MeshError.from(thrown).reason === 'NO_IDENTITY') throw thrown;
    // No Consul is named, and none runs here: whoever has an address needs none.
    return unknown;
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
