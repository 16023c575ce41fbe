import { join } from 'node:path';
import {
  createMemoryDiscovery,
  createServer,
  type Client as MeshClient,
  type Resolver,
  readImage,
  runInContext,
  systemClock,
} from '#mesh';
import type { TrafficSource } from '../../../mesh/config/traffic.ts';
import { createPeers } from '../../../mesh/rpc/client/peers.ts';
import { laneKey } from '../../../mesh/rpc/lane/protocol.ts';
import type { Transport } from '../../../mesh/rpc/transport.ts';
import { unixMetadata } from '../../../mesh/rpc/unix.ts';
import { createTelemetry } from '../../../mesh/telemetry/telemetry.ts';
import { type Address, type Client, countOf, type ServerSide } from '../contender.ts';
import { BenchServiceDefinition, type Order } from '../gen/bench/v1/bench.ts';
import { socketPath } from '../sockets.ts';
import type { Work } from '../work.ts';
import { createTransport, laneShare } from './weft-transport.ts';

const image = join(import.meta.dirname, '../gen/image.binpb');

/** The caller's own call: each call of the bench is part of one, as in a service. */
const caller = {
  trace: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' },
};

/** A weft server as an application has it: metrics on, lanes served, a Unix socket beside the port. */
export const weftServer: ServerSide = {
  async serve(work, name) {
    const { rpc: metrics } = createTelemetry({
      clock: systemClock,
      service: 'bench',
      instanceId: name,
    });
    const server = createServer({ image: readImage(image), metrics });
    server.add(BenchServiceDefinition, handlers(work, name));
    const unix = socketPath(name);
    const bound = await server.listen({ unix });
    const metadata = { [laneKey]: '1', ...unixMetadata(unix) };
    return { ...bound, metadata, close: () => server.close() };
  },
};

function handlers(work: Work, name: string) {
  return {
    async echo({ order }: { order: Order | undefined }) {
      await work.wait();
      return { order, server: name };
    },
    async linger({ order, waitMs }: { order: Order | undefined; waitMs: number }) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      return { order };
    },
    async *watch({ order, count }: { order: Order | undefined; count: number }) {
      for (let sent = 0; sent < count; sent++) yield { order };
    },
    async *chat(requests: AsyncIterable<{ order: Order | undefined }>) {
      for await (const { order } of requests) yield { order };
    },
  };
}

/** How calls are to travel, and what is said of the policy; the rest are weft's defaults. */
export interface Way {
  readonly lane: boolean;
  /** Over the servers' Unix sockets. Default false. */
  readonly unix?: boolean;
  readonly timeoutMs?: number;
  /** Most attempts, the first counted. */
  readonly attempts?: number;
}

/** A weft client as an application has it: every policy on, context and metrics too. */
export async function openWeft(servers: readonly Address[], way: Way): Promise<Client> {
  const { registry, resolver } = createMemoryDiscovery();
  for (const [n, address] of servers.entries()) await registry.register(endpoint(n, address));
  return openFrom(resolver, way);
}

function endpoint(n: number, { host, port, metadata }: Address) {
  return { instanceId: `bench-${String(n)}`, service: 'bench', host, port, metadata };
}

/** A client that finds its instances by `resolver`. */
export function openFrom(
  resolver: Resolver,
  way: Way,
  ports: { readonly transport?: Transport; readonly trafficSource?: TrafficSource } = {},
): Client {
  const { rpc: metrics } = createTelemetry({
    clock: systemClock,
    service: 'bench-client',
    instanceId: 'bench-client-1',
  });
  const transport = createTransport();
  const peers = createPeers({ resolver, transport, metrics, ...ports });
  const { lane, unix = false, timeoutMs, attempts } = way;
  const stub = peers.client(BenchServiceDefinition, {
    lane,
    unix,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(attempts !== undefined && { retry: { attempts } }),
  });
  return {
    ...callsOf(stub),
    laneShare: () => laneShare(transport),
    close: () => peers.close(),
  };
}

function callsOf(stub: MeshClient<typeof BenchServiceDefinition>): Omit<Client, 'close'> {
  return {
    echo: (order) => runInContext(caller, () => stub.echo({ order })),
    linger: (order, waitMs) => runInContext(caller, () => stub.linger({ order, waitMs })),
    async watch(order, count) {
      return countOf(stub.watch({ order, count }));
    },
    async chat(order, count) {
      let seen = 0;
      const turns = Array.from({ length: count }, () => Promise.withResolvers<void>());
      async function* requests() {
        for (const turn of turns) {
          yield { order };
          await turn.promise;
        }
      }
      return countOf(stub.chat(requests()), () => turns[seen++]?.resolve());
    },
  };
}
