/** The owner of the orders: over gRPC, and the same over plain HTTP with JSON, without anything between. */
import { createServer as createHttpServer } from 'node:http';
import { OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { createServer, MeshError, weftImage, z } from '#mesh';
import { childOptions, tellReady } from '../child.ts';
import { orderOf } from './messages.ts';

const options = childOptions(z.object({ grpcPort: z.number(), httpPort: z.number() }));

const notAsked = (): never => {
  throw new MeshError('nobody asks for this here', { status: 'UNIMPLEMENTED' });
};
const server = createServer({ image: weftImage() });
server.add(OrdersServiceDefinition, {
  getOrder: async ({ orderId }) => ({ order: orderOf(orderId) }),
  placeOrder: notAsked,
  watchOrder: notAsked,
});
await server.listen({ port: options.grpcPort });

const http = createHttpServer((request, response) => {
  const orderId = (request.url ?? '').split('/').at(-1) ?? '';
  const body = JSON.stringify(orderOf(orderId), (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
});
http.listen(options.httpPort, '127.0.0.1', tellReady);
