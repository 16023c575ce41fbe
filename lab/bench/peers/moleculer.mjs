import { freePort } from '../../../mesh/testing/ports.ts';
import { installed } from './installed.mjs';

const { ServiceBroker } = installed('moleculer');

// Nodes find each other through the addresses that they are given, over Moleculer's own TCP transporter.
const settings = (nodeID, transporter) => ({
  nodeID,
  logger: false,
  transporter: { type: 'TCP', options: { udpDiscovery: false, ...transporter } },
  // Its own counterparts of weft's policies.
  requestTimeout: 2000,
  retryPolicy: { enabled: true, retries: 2 },
  circuitBreaker: { enabled: true },
  bulkhead: { enabled: true, concurrency: 1024, maxQueueSize: 0 },
});

export const server = {
  async serve(work, name) {
    const port = await freePort();
    const broker = new ServiceBroker(settings(name, { port, urls: [] }));
    broker.createService({
      name: 'bench',
      actions: {
        async echo({ params }) {
          await work.wait();
          return { order: params, server: name };
        },
      },
    });
    await broker.start();
    const close = () => broker.stop();
    return { host: '127.0.0.1', port, metadata: { nodeId: name }, close };
  },
};

export const client = {
  async connect(servers) {
    const urls = servers.map(({ host, port, metadata }) => `${host}:${port}/${metadata.nodeId}`);
    const port = await freePort();
    const broker = new ServiceBroker(settings(`client-${process.pid}`, { port, urls }));
    await broker.start();
    await broker.waitForServices('bench', 30_000);
    const plain = new Map();
    return {
      echo(order) {
        // Its serializer is JSON: the same order without what JSON lacks.
        let message = plain.get(order);
        if (message === undefined) plain.set(order, (message = asJson(order)));
        return broker.call('bench.echo', message);
      },
      close: () => broker.stop(),
    };
  },
};

function asJson(order) {
  const numbers = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
  return JSON.parse(JSON.stringify({ ...order, note: '' }, numbers));
}
