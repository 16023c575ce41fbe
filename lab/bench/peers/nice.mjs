import { BenchServiceDefinition } from '../gen/bench/v1/bench.ts';
import { installed } from './installed.mjs';

const { createChannel, createClientFactory, createServer } = installed('nice-grpc');

export const server = {
  async serve(work, name) {
    const nice = createServer();
    nice.add(BenchServiceDefinition, {
      async echo({ order }) {
        await work.wait();
        return { order, server: name };
      },
      linger: async ({ order }) => ({ order }),
      async *watch() {},
      async *chat() {},
    });
    const port = await nice.listen('127.0.0.1:0');
    return { host: '127.0.0.1', port, metadata: {}, close: async () => nice.forceShutdown() };
  },
};

export const client = {
  async connect(servers) {
    const target = `ipv4:${servers.map(({ host, port }) => `${host}:${port}`).join(',')}`;
    const channel = createChannel(target, undefined, {
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    });
    const stub = createClientFactory().create(BenchServiceDefinition, channel);
    return { echo: (order) => stub.echo({ order }), close: async () => channel.close() };
  },
};
