import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FileDescriptorProto } from '../../../gen/google/protobuf/descriptor.ts';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../../gen/grpc/reflection/v1/reflection.ts';
import { ServerReflectionClient as ServerReflectionAlphaClient } from '../../../gen/grpc/reflection/v1alpha/reflection.ts';
import { Order, OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { WarehouseServiceDefinition } from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { weftImage } from '../../schema/image.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let shop: TestServer;

beforeAll(async () => {
  shop = await startTestServer((server) => {
    server.add(OrdersServiceDefinition, {
      placeOrder: () => Promise.reject(new Error('not called in this test')),
      getOrder: ({ orderId }) => Promise.resolve({ order: Order.create({ orderId }) }),
      async *watchOrder({ orderId }) {
        for (const status of [1, 2, 4] as const) yield { order: Order.create({ orderId, status }) };
      },
    });
    server.add(WarehouseServiceDefinition, {
      getPick: () => Promise.reject(new Error('not called in this test')),
      async *pickOrders(requests) {
        for await (const { message } of requests) {
          if (message?.$case === 'packed') yield { pick: undefined };
        }
      },
    });
  });
});

afterAll(() => shop.close());

type Question = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = ServerReflectionResponse['messageResponse'];

/** Asks everything on one stream, and gives the answers in their order. */
async function ask(...questions: (Question | undefined)[]): Promise<Answer[]> {
  const call = shop.client(ServerReflectionClient).serverReflectionInfo();
  for (const messageRequest of questions) call.write({ host: 'me', messageRequest });
  call.end();
  const answers: Answer[] = [];
  for await (const answer of call) {
    const { validHost, messageResponse } = answer as ServerReflectionResponse;
    expect(validHost).toBe('me');
    answers.push(messageResponse);
  }
  return answers;
}

function filesIn(answer: Answer): string[] {
  if (answer?.$case !== 'fileDescriptorResponse') return [];
  return answer.value.fileDescriptorProto.map(
    (bytes) => FileDescriptorProto.decode(bytes).name ?? '',
  );
}

const ordersFile = 'shop/orders/v1/orders.proto';

describe('reflection', () => {
  test('lists what is served, itself and health included', async () => {
    const [answer] = await ask({ $case: 'listServices', value: '' });
    expect(answer).toMatchObject({
      value: {
        service: [
          { name: 'grpc.health.v1.Health' },
          { name: 'grpc.reflection.v1.ServerReflection' },
          { name: 'grpc.reflection.v1alpha.ServerReflection' },
          { name: 'shop.orders.v1.OrdersService' },
          { name: 'shop.warehouse.v1.WarehouseService' },
          { name: 'weft.lane.v1.LaneService' },
        ],
      },
    });
  });

  test.each([
    'shop.orders.v1.OrdersService',
    'shop.orders.v1.OrdersService.PlaceOrder',
    'shop.orders.v1.Order',
    'shop.orders.v1.Order.lines',
    'shop.orders.v1.OrderStatus',
    'shop.orders.v1.ORDER_STATUS_SHIPPED',
  ])('finds the file of %s, with all it imports', async (symbol) => {
    const [answer] = await ask({ $case: 'fileContainingSymbol', value: symbol });
    const files = filesIn(answer);
    expect(files[0]).toBe(ordersFile);
    expect([...files].sort()).toEqual([
      'google/api/annotations.proto',
      'google/api/http.proto',
      'google/protobuf/descriptor.proto',
      'google/protobuf/timestamp.proto',
      'shop/money/v1/money.proto',
      ordersFile,
      'weft/v1/options.proto',
    ]);
  });

  test('gives the bytes of the compiler, and an import once a stream', async () => {
    const [first, second] = await ask(
      { $case: 'fileByFilename', value: ordersFile },
      { $case: 'fileByFilename', value: 'shop/orders/v1/events.proto' },
    );
    const raw = weftImage().files.get(ordersFile)?.bytes ?? [];
    expect(first?.$case === 'fileDescriptorResponse' && first.value.fileDescriptorProto[0]).toEqual(
      Buffer.from(raw),
    );
    expect(filesIn(second)).toEqual(['shop/orders/v1/events.proto']);
  });

  test('knows the extensions of a message', async () => {
    const value = { containingType: 'google.protobuf.FieldOptions', extensionNumber: 50803 };
    const [file, numbers, none] = await ask(
      { $case: 'fileContainingExtension', value },
      { $case: 'allExtensionNumbersOfType', value: 'google.protobuf.MessageOptions' },
      { $case: 'allExtensionNumbersOfType', value: 'shop.orders.v1.Order' },
    );
    expect(filesIn(file)[0]).toBe('weft/v1/options.proto');
    expect(numbers).toEqual({
      $case: 'allExtensionNumbersResponse',
      value: {
        baseTypeName: 'google.protobuf.MessageOptions',
        extensionNumber: [50802, 50804, 50805, 50806],
      },
    });
    expect(none).toMatchObject({ value: { extensionNumber: [] } });
  });

  test('answers what it does not know on the same stream, which goes on', async () => {
    const answers = await ask(
      { $case: 'fileByFilename', value: 'nowhere.proto' },
      { $case: 'fileContainingSymbol', value: 'shop.Nothing' },
      {
        $case: 'fileContainingExtension',
        value: { containingType: 'shop.orders.v1.Order', extensionNumber: 1 },
      },
      { $case: 'allExtensionNumbersOfType', value: 'shop.Nothing' },
      undefined,
      { $case: 'fileByFilename', value: ordersFile },
    );
    const codes = answers.map((answer) =>
      answer?.$case === 'errorResponse' ? answer.value.errorCode : answer?.$case,
    );
    expect(codes).toEqual([5, 5, 5, 5, 3, 'fileDescriptorResponse']);
  });

  test('answers v1alpha in the same way', async () => {
    const call = shop.client(ServerReflectionAlphaClient).serverReflectionInfo();
    call.write({ host: '', messageRequest: { $case: 'fileByFilename', value: ordersFile } });
    call.end();
    for await (const answer of call) {
      expect((answer as ServerReflectionResponse).messageResponse?.$case).toBe(
        'fileDescriptorResponse',
      );
    }
  });
});

/** The tool that people without a proto file use, as npm has it; grpcurl asks in the same way. */
describe('buf curl, knowing nothing but the address', () => {
  const buf = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));

  async function curl(path: string, ...args: string[]): Promise<string> {
    const url = `http://${shop.address}${path}`;
    const all = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args, url];
    const { stdout } = await promisify(execFile)(buf, all);
    return stdout;
  }

  const orders = '/shop.orders.v1.OrdersService';

  test('lists services and methods', async () => {
    const services = await curl('', '--list-services');
    expect(services.split('\n')).toContain('shop.orders.v1.OrdersService');
    const methods = await curl('', '--list-methods');
    expect(methods.split('\n')).toContain('shop.orders.v1.OrdersService/WatchOrder');
  });

  test('calls a unary, a streaming and a bidirectional method', async () => {
    const order = await curl(`${orders}/GetOrder`, '-d', '{"order_id":"ord_1"}');
    expect(JSON.parse(order)).toEqual({ order: { orderId: 'ord_1' } });
    const changes = await curl(`${orders}/WatchOrder`, '-d', '{"order_id":"ord_1"}');
    expect(changes.match(/"status"/g)).toHaveLength(3);
    const picks = '{"packed":{"order_id":"a"}}{"packed":{"order_id":"b"}}';
    const picked = await curl('/shop.warehouse.v1.WarehouseService/PickOrders', '-d', picks);
    expect(picked.trim().split('\n')).toEqual(['{}', '{}']);
  });
});
