import { Agent, request as httpRequest } from 'node:http';
import {
  GetOrderRequest,
  GetOrderResponse,
  OrdersServiceDefinition,
} from '#gen/shop/orders/v1/orders.ts';
import { closeClient, createClient, createPlainTransport } from '#mesh';
import { only } from './only.ts';

export interface Ports {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly edgePort: number;
}

/** One way to read an order, from the caller's side. */
export interface Way {
  readonly name: string;
  /** Whether the gateway stands between. */
  readonly isBehindGateway: boolean;
  /** Reads one; gives the bytes of its answer's body, and how many lines came. */
  read(orderId: string): Promise<{ bytes: number; lines: number }>;
  close(): Promise<void>;
}

export function waysOver({ grpcPort, httpPort, edgePort }: Ports): readonly Way[] {
  return [
    grpc('gRPC', grpcPort, true),
    grpc('gRPC by weft’s lane', grpcPort, false),
    rest('REST', httpPort, false),
    rest('REST through the gateway', edgePort, true),
    grpcWeb(edgePort),
  ];
}

function grpc(name: string, port: number, plain: boolean): Way {
  const transport = plain ? { transport: createPlainTransport() } : {};
  const client = createClient(OrdersServiceDefinition, { resolver: only(port), ...transport });
  return {
    ...{ name, isBehindGateway: false },
    async read(orderId) {
      const answer = await client.getOrder({ orderId });
      return { bytes: sizeOf(answer), lines: answer.order?.lines.length ?? 0 };
    },
    close: () => closeClient(client),
  };
}

const sizes = new Map<number, number>();

/** Encoded once for each length: to encode it again would be charged to the way. */
function sizeOf(answer: GetOrderResponse): number {
  const lines = answer.order?.lines.length ?? 0;
  const known = sizes.get(lines) ?? GetOrderResponse.encode(answer).finish().length;
  sizes.set(lines, known);
  return known;
}

function rest(name: string, port: number, isBehindGateway: boolean): Way {
  const agent = new Agent({ keepAlive: true });
  return {
    ...{ name, isBehindGateway },
    async read(orderId) {
      const body = await exchange({ agent, port, path: `/v1/orders/${orderId}` });
      const { lines } = JSON.parse(body.toString()) as { lines: unknown[] };
      return { bytes: body.length, lines: lines.length };
    },
    close: async () => agent.destroy(),
  };
}

function grpcWeb(port: number): Way {
  const agent = new Agent({ keepAlive: true });
  const path = '/shop.orders.v1.OrdersService/GetOrder';
  return {
    ...{ name: 'gRPC-Web through the gateway', isBehindGateway: true },
    async read(orderId) {
      const message = GetOrderRequest.encode({ orderId }).finish();
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      const sent = Buffer.concat([head, message]);
      const body = await exchange({ agent, port, path }, sent);
      const { order } = GetOrderResponse.decode(body.subarray(5, 5 + body.readUInt32BE(1)));
      return { bytes: body.length, lines: order?.lines.length ?? 0 };
    },
    close: async () => agent.destroy(),
  };
}

function exchange(
  to: { readonly agent: Agent; readonly port: number; readonly path: string },
  body?: Buffer,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/grpc-web+proto' };
    const asking = httpRequest(
      { host: '127.0.0.1', ...to, ...(body && { method: 'POST', headers }) },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.once('end', () => resolve(Buffer.concat(pieces)));
        answer.once('error', reject);
      },
    );
    asking.once('error', reject);
    asking.end(body);
  });
}
