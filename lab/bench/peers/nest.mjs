import { fileURLToPath } from 'node:url';
import { freePort } from '../../../mesh/testing/ports.ts';
import { installed } from './installed.mjs';

installed('reflect-metadata');
const { Controller, Module } = installed('@nestjs/common');
const { NestFactory } = installed('@nestjs/core');
const { ClientProxyFactory, GrpcMethod, Transport } = installed('@nestjs/microservices');
const { firstValueFrom } = installed('rxjs');

const contract = {
  package: 'bench.v1',
  protoPath: fileURLToPath(new URL('../proto/bench/v1/bench.proto', import.meta.url)),
  loader: { longs: Number, defaults: true },
};

export const server = {
  async serve(work, name) {
    class BenchController {
      async echo({ order }) {
        await work.wait();
        return { order, server: name };
      }
    }
    // What the decorators of TypeScript would do.
    const method = Object.getOwnPropertyDescriptor(BenchController.prototype, 'echo');
    GrpcMethod('BenchService', 'Echo')(BenchController.prototype, 'echo', method);
    Controller()(BenchController);
    class BenchModule {}
    Module({ controllers: [BenchController] })(BenchModule);
    const port = await freePort();
    const app = await NestFactory.createMicroservice(BenchModule, {
      transport: Transport.GRPC,
      options: { ...contract, url: `127.0.0.1:${port}` },
      logger: ['error', 'warn'],
    });
    await app.listen();
    return { host: '127.0.0.1', port, metadata: {}, close: () => app.close() };
  },
};

export const client = {
  async connect(servers) {
    const grpc = ClientProxyFactory.create({
      transport: Transport.GRPC,
      options: {
        ...contract,
        url: `ipv4:${servers.map(({ host, port }) => `${host}:${port}`).join(',')}`,
        channelOptions: {
          'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
        },
      },
    });
    const stub = grpc.getService('BenchService');
    const plain = new Map();
    return {
      echo(order) {
        // proto-loader has no bigint: the same order with its numbers as numbers.
        let message = plain.get(order);
        if (message === undefined) plain.set(order, (message = withoutBigint(order)));
        return firstValueFrom(stub.echo({ order: message }));
      },
      close: async () => grpc.close(),
    };
  },
};

function withoutBigint(order) {
  return {
    ...order,
    placedAtMs: Number(order.placedAtMs),
    lines: order.lines.map((line) => ({ ...line, priceMinorUnits: Number(line.priceMinorUnits) })),
  };
}
