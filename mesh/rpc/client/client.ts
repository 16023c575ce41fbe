import { defaultTarget, type ServiceDefinition } from '../../schema/definition.ts';
import { newClient } from './new-client.ts';
import type { ClientOptions } from './options.ts';
import { partsOf, targetFor } from './peers.ts';
import type { Client } from './stub.ts';

export { closeClient } from './new-client.ts';
export type { ClientLayer, ClientOptions, StubOptions } from './options.ts';
export type { CallOptions, Client, Substitute } from './stub.ts';

/**
 * A typed client of one service of the mesh: finds its instances, chooses one for each attempt, and puts
 * deadline, breaker, bulkhead and retries around each call, as the schema says. It shares nothing with other
 * clients: a process that has several makes them with `createPeers`. It watches discovery from now on, so
 * close it. Throws INVALID_ARGUMENT for a target that is not a service name.
 */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  options: ClientOptions<D>,
): Client<D> {
  const target = targetFor(options.target ?? defaultTarget(definition.fullName), options);
  const release = (): Promise<void> => target.close();
  return newClient(definition, options, { ...partsOf(options), target, release });
}
