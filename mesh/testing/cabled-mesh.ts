import { createMemoryDiscovery } from '../discovery/memory.ts';
import type { Registry } from '../discovery/registry.ts';
import type { Resolver } from '../discovery/resolver.ts';
import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import { createServer, type MeshServer, type ServerOptions } from '../rpc/server/server.ts';
import { defaultTarget, type ServiceDefinition } from '../schema/definition.ts';
import { weftImage } from '../schema/image.ts';
import { type Cable, createCable } from './cable.ts';

/** Servers on real sockets, found through memory, each behind a cable that a test may cut. */
export interface CabledMesh extends Closeable {
  readonly registry: Registry;
  readonly resolver: Resolver;
  /** Starts one instance of a service and registers it. */
  start<D extends ServiceDefinition>(
    definition: D,
    implementation: Implementation<D>,
    options?: Partial<ServerOptions> & { readonly instanceId?: string },
  ): Promise<CabledInstance>;
}

export interface CabledInstance extends Closeable {
  readonly endpoint: Endpoint;
  /** "host:port", as errors name it. */
  readonly address: string;
  readonly server: MeshServer;
  readonly cable: Cable;
  /** Takes it out of discovery; it goes on serving. */
  leave(): Promise<void>;
}

export function createCabledMesh(): CabledMesh {
  const { registry, resolver } = createMemoryDiscovery();
  const started: Closeable[] = [];
  return {
    registry,
    resolver,
    async start(definition, implementation, { instanceId, ...options } = {}) {
      const server = createServer({ image: weftImage(), ...options });
      server.add(definition, implementation);
      const { port } = await server.listen();
      const cable = await createCable(port);
      const service = defaultTarget(definition.fullName);
      const endpoint: Endpoint = {
        instanceId: instanceId ?? `${service}-${String(started.length)}`,
        service,
        host: '127.0.0.1',
        port: cable.port,
        metadata: {},
      };
      const lease = await registry.register(endpoint);
      const leave = (): Promise<void> => lease.close();
      // Cut first: a client that still holds a stream would make the server wait for its grace.
      const close = (): Promise<void> => closeAll([server, cable, lease]);
      const instance = { endpoint, address: addressOf(endpoint), server, cable, leave, close };
      started.push(instance);
      return instance;
    },
    close: () => closeAll(started),
  };
}
