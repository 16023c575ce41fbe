import { createRequire } from 'node:module';

const installed = createRequire(new URL('../../../.tools/bench/peers-events/', import.meta.url));
const { ServiceBroker } = installed('moleculer');
const { Middleware } = installed('@moleculer/channels');

/** Moleculer with its channels over JetStream, everything else as it comes. */
export async function openMoleculer(url, onMessage) {
  const broker = new ServiceBroker({
    nodeID: `bench-${process.pid}`,
    logger: false,
    middlewares: [
      Middleware({
        adapter: {
          type: 'NATS',
          options: { maxInFlight: 256, nats: { connectionOptions: { servers: [url] } } },
        },
      }),
    ],
  });
  broker.createService({
    name: 'bench',
    channels: {
      'bench.confirmed': {
        group: 'bench',
        async handler(payload) {
          onMessage(payload);
        },
      },
    },
  });
  await broker.start();
  return {
    publish: (payload) => broker.sendToChannel('bench.confirmed', payload),
    close: () => broker.stop(),
  };
}
