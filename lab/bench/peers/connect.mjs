import { readFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import { installed } from './installed.mjs';

const { create, createFileRegistry, fromBinary } = installed('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = installed('@bufbuild/protobuf/wkt');
const { createClient } = installed('@connectrpc/connect');
const { connectNodeAdapter, createGrpcTransport } = installed('@connectrpc/connect-node');

// protobuf-es reads descriptors at run time, generated files or not: its codec is the same either way.
const image = readFileSync(new URL('../gen/image.binpb', import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const BenchService = registry.getService('bench.v1.BenchService');
const EchoRequest = registry.getMessage('bench.v1.EchoRequest');

export const server = {
  async serve(work, name) {
    const routes = (router) =>
      router.service(BenchService, {
        async echo({ order }) {
          await work.wait();
          return { order, server: name };
        },
      });
    const http2 = createServer(connectNodeAdapter({ routes }));
    await new Promise((resolve) => http2.listen(0, '127.0.0.1', resolve));
    const { port } = http2.address();
    return { host: '127.0.0.1', port, metadata: {}, close: async () => http2.close() };
  },
};

export const client = {
  // A transport of connect-node has one address; who has three takes turns.
  async connect(servers) {
    const stubs = servers.map(({ host, port }) =>
      createClient(BenchService, createGrpcTransport({ baseUrl: `http://${host}:${port}` })),
    );
    let turn = 0;
    return {
      echo: (order) => stubs[turn++ % stubs.length].echo(create(EchoRequest, { order })),
      close: async () => {},
    };
  },
};
