import {
  type ChannelOptions,
  credentials,
  Server,
  ServerCredentials,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  type Address,
  type Client,
  type ClientSide,
  countOf,
  hostPort,
  type ServerSide,
} from '../contender.ts';
import {
  BenchServiceClient,
  type BenchServiceServer,
  BenchServiceService,
  type Order,
} from '../gen/bench/v1/bench.ts';
import type { Work } from '../work.ts';

/** grpc-js as its own documentation shows it: a generated service, no options. */
export const bareServer: ServerSide = {
  async serve(work, name) {
    const server = new Server();
    server.addService(BenchServiceService, handlers(work, name));
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    return {
      host: '127.0.0.1',
      port,
      metadata: {},
      async close() {
        server.forceShutdown();
      },
    };
  },
};

function handlers(work: Work, name: string): BenchServiceServer {
  return {
    echo({ request }, callback) {
      void work.wait().then(() => {
        callback(null, { order: request.order, server: name });
      });
    },
    linger({ request }, callback) {
      setTimeout(() => {
        callback(null, { order: request.order });
      }, request.waitMs);
    },
    watch(call) {
      const { order, count } = call.request;
      let sent = 0;
      const more = (): void => {
        while (sent < count) {
          sent++;
          if (!call.write({ order })) {
            call.once('drain', more);
            return;
          }
        }
        call.end();
      };
      more();
    },
    chat(call) {
      call.on('data', ({ order }: { order: Order }) => call.write({ order }));
      call.on('end', () => {
        call.end();
      });
    },
  };
}

/** Each address has a connection, and calls take turns: what grpc-js offers by itself. */
const roundRobin = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

export function openStub(
  servers: readonly Address[],
  options: ChannelOptions = {},
): BenchServiceClient {
  const target = `ipv4:${servers.map(hostPort).join(',')}`;
  return new BenchServiceClient(target, credentials.createInsecure(), {
    'grpc.service_config': roundRobin,
    ...options,
  });
}

/** The generated stub, promisified: what everything else is a ratio of. */
export const bareClient: ClientSide = {
  async connect(servers) {
    return bareCalls(openStub(servers));
  },
};

function bareCalls(stub: BenchServiceClient): Client {
  return {
    echo: (order) =>
      new Promise((resolve, reject) => {
        stub.echo({ order }, settle(resolve, reject));
      }),
    linger: (order, waitMs) =>
      new Promise((resolve, reject) => {
        stub.linger({ order, waitMs }, settle(resolve, reject));
      }),
    async watch(order, count) {
      return countOf(stub.watch({ order, count }));
    },
    chat: (order, count) => converse(stub, order, count),
    async close() {
      stub.close();
    },
  };
}

function converse(stub: BenchServiceClient, order: Order, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = stub.chat();
    let seen = 0;
    call.on('data', () => {
      if (++seen < count) call.write({ order });
      else call.end();
    });
    call.on('end', () => {
      resolve(seen);
    });
    call.on('error', reject);
    call.write({ order });
  });
}

function settle<T>(resolve: (value: T) => void, reject: (error: ServiceError) => void) {
  return (error: ServiceError | null, value: T): void => {
    if (error === null) resolve(value);
    else reject(error);
  };
}
