import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type GetStockRequest,
  GetStockResponse,
  InventoryServiceService,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  type ExchangeRequest,
  ExchangeResponse,
  LaneServiceService,
  type Reply,
} from '../../../gen/weft/lane/v1/lane.ts';
import { systemClock } from '../../kernel/clock.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { UnreachedError } from '../../resilience/unreached.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { echo } from '../../testing/transport-contract-messages.ts';
import { attempt, getStockMethod } from '../../testing/transport-contract-rig.ts';
import { createPlainTransport } from '../plain/transport.ts';
import type { LanedConnection } from './connection.ts';
import { createLaneTransport } from './transport.ts';

/** The client's side against servers made of generated code: one that keeps to the contract, and ones that do not. */

const opened: Closeable[] = [];
afterEach(() => closeAll(opened.splice(0)));

const path = getStockMethod.path;

type ServerStream = ServerDuplexStream<ExchangeRequest, ExchangeResponse>;

/** A server of generated code that does on a lane what the test says, and answers plain calls. */
async function foreignServer(
  onRequest: (request: ExchangeRequest, stream: ServerStream) => void,
): Promise<Rig> {
  const server = new Server();
  server.addService(LaneServiceService, {
    exchange(stream: ServerStream) {
      stream.on('data', (request: ExchangeRequest) => {
        onRequest(request, stream);
      });
      stream.on('error', () => undefined);
    },
  });
  return connect(await bind(server));
}

/** A server that writes what bytes it is told to: to the hello, and to all that follows. */
async function rawServer(
  onMessage: (first: boolean, write: (bytes: Buffer) => void) => void,
): Promise<Rig> {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const same = (bytes: Buffer): Buffer => bytes;
  const exchange = (stream: ServerDuplexStream<Buffer, Buffer>): void => {
    let messages = 0;
    stream.on('data', () => {
      onMessage(messages++ === 0, (bytes) => stream.write(bytes));
    });
    stream.on('error', () => undefined);
  };
  server.register(LaneServiceService.exchange.path, exchange, same, same, 'bidi');
  return connect(await bind(server));
}

async function bind(server: Server): Promise<number> {
  opened.push({
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  });
  return new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

interface Rig {
  readonly connection: LanedConnection;
  get(ms?: number): Promise<GetStockResponse>;
}

function connect(port: number): Rig {
  const connection = createLaneTransport({
    plain: createPlainTransport(),
    welcomeTimeoutMs: 200,
  }).open({
    ...{ instanceId: 'i', service: 's', host: '127.0.0.1', port },
    metadata: { 'weft-lane': '1' },
  });
  opened.push(connection);
  const get = (ms = 3000): Promise<GetStockResponse> =>
    connection.unary(
      getStockMethod,
      { sku: 'TEA' },
      attempt.context(getStockMethod, { deadline: deadlineIn(ms, systemClock) }),
    );
  return { connection, get };
}

const nothing = { welcome: undefined, replies: [], goAway: undefined };
const welcome = {
  ...{ version: 1, maxMessageBytes: 1 << 20, maxBodyBytes: 8192, maxMetadataBytes: 8192 },
  maxInFlight: 100,
  methods: [{ number: 7, path }],
};

/** Welcomes, then does with calls as it is told. */
function welcoming(
  onCalls: (request: ExchangeRequest, stream: ServerStream) => void,
): (request: ExchangeRequest, stream: ServerStream) => void {
  return (request, stream) => {
    if (request.hello === undefined) onCalls(request, stream);
    else stream.write({ ...nothing, welcome });
  };
}

function reply(id: number, over: Partial<Reply> = {}): Reply {
  const item = { sku: `call-${String(id)}`, available: 0n, reserved: 0n, unitPrice: undefined };
  return {
    ...{ id, status: 0, message: '', header: [], trailer: [], details: undefined },
    ...{ pushbackMs: undefined, refused: false },
    body: Buffer.from(GetStockResponse.encode({ item }).finish()),
    ...over,
  };
}

/** Calls until the lane is there; plain calls fail at this server. */
async function welcomed({ connection, get }: Rig): Promise<void> {
  await eventually(async () => {
    if (connection.stats().lanes === 0) await get(100).catch(() => undefined);
    return connection.stats().lanes === 1;
  });
}

describe('a client of lanes', () => {
  test('is served by a server of generated code', async () => {
    const rig = await foreignServer(
      welcoming(({ calls }, stream) => {
        stream.write({ ...nothing, replies: calls.map(({ id }) => reply(id)).reverse() });
      }),
    );
    await welcomed(rig);
    const answers = await Promise.all(Array.from({ length: 10 }, () => rig.get()));
    expect(new Set(answers.map(({ item }) => item?.sku)).size).toBe(10);
  });

  test('gives nobody a reply that comes twice, or that nobody asked for', async () => {
    const rig = await foreignServer(
      welcoming(({ calls }, stream) => {
        for (const { id } of calls) {
          stream.write({ ...nothing, replies: [reply(id + 1), reply(id), reply(id)] });
        }
      }),
    );
    await welcomed(rig);
    for (let i = 0; i < 5; i++) {
      const before = rig.connection.stats().written;
      expect((await rig.get()).item?.sku).toBe(`call-${String(before + 1)}`);
    }
  });

  test('knows which calls a server never took that goes away', async () => {
    const rig = await foreignServer(
      welcoming(({ calls }, stream) => {
        const [first] = calls;
        if (first === undefined) return;
        stream.write({ ...nothing, goAway: { lastId: first.id } });
        stream.write({ ...nothing, replies: [reply(first.id)] });
        stream.end();
      }),
    );
    await welcomed(rig);
    const [first, ...others] = await Promise.allSettled(Array.from({ length: 5 }, () => rig.get()));
    expect(first?.status).toBe('fulfilled');
    for (const other of others) {
      expect(other).toMatchObject({ status: 'rejected', reason: expect.any(UnreachedError) });
    }
  });

  test('believes a server that refused a call', async () => {
    const rig = await foreignServer(
      welcoming(({ calls }, stream) => {
        const refused = { status: 8, message: 'too many', refused: true, body: Buffer.alloc(0) };
        stream.write({ ...nothing, replies: calls.map(({ id }) => reply(id, refused)) });
      }),
    );
    await welcomed(rig);
    expect(await errorOf(rig.get())).toBeInstanceOf(UnreachedError);
  });

  test('is in doubt about calls whose lane ends before their reply', async () => {
    const rig = await foreignServer(
      welcoming((_request, stream) => {
        stream.end();
      }),
    );
    await welcomed(rig);
    const error = await errorOf(rig.get());
    expect(error.status).toBe('UNAVAILABLE');
    expect(error).not.toBeInstanceOf(UnreachedError);
  });

  const greetings: [string, Partial<typeof welcome>][] = [
    ['of a version that it does not speak', { version: 2 }],
    ['that lets no call through', { maxInFlight: 0 }],
  ];
  test.each(greetings)('takes no welcome %s', async (_what, over) => {
    let hellos = 0;
    const rig = await foreignServer((_request, stream) => {
      hellos++;
      stream.write({ ...nothing, welcome: { ...welcome, ...over } });
    });
    await eventually(async () => {
      // It calls plainly, which this server does not answer, and tries a lane again now and then.
      expect((await errorOf(rig.get())).status).toBe('UNIMPLEMENTED');
      return hellos >= 2;
    });
    expect(rig.connection.stats()).toMatchObject({ lanes: 0, laneCalls: 0 });
  });

  const garbage: [string, Buffer][] = [
    ['a tag that is none', Buffer.of(255)],
    ['a frame that is longer than its message', Buffer.of(18, 200, 1)],
    ['a field of no type', Buffer.alloc(5000, 0xfe)],
    ['a varint without an end', Buffer.alloc(20, 0x80)],
  ];
  test.each(garbage)('ends a lane on which %s comes, and opens another', async (_what, bytes) => {
    let lanes = 0;
    const rig = await rawServer((first, write) => {
      if (first) {
        lanes++;
        write(Buffer.from(ExchangeResponse.encode({ ...nothing, welcome }).finish()));
      } else write(bytes);
    });
    await welcomed(rig);
    const [one, ...others] = await Promise.all(Array.from({ length: 5 }, () => errorOf(rig.get())));
    for (const error of [one, ...others]) {
      expect(error).toMatchObject({ status: 'UNAVAILABLE' });
      expect(error).not.toBeInstanceOf(UnreachedError);
      expect(error?.rawMessage).toContain('the lane is malformed');
    }
    await welcomed(rig);
    expect(lanes).toBe(2);
  });

  test('ends a lane that is answered with more than a message may hold', async () => {
    const rig = await rawServer((first, write) => {
      if (first) write(Buffer.from(ExchangeResponse.encode({ ...nothing, welcome }).finish()));
      else write(Buffer.alloc(2 * 1024 * 1024));
    });
    await welcomed(rig);
    const error = await errorOf(rig.get());
    expect(error.status).toBe('UNAVAILABLE');
    expect(error).not.toBeInstanceOf(UnreachedError);
  });

  test('calls a server plainly that knows nothing of weft, whatever its registration says', async () => {
    const server = new Server();
    server.addService(InventoryServiceService, {
      getStock: (
        { request }: ServerUnaryCall<GetStockRequest, GetStockResponse>,
        callback: sendUnaryData<GetStockResponse>,
      ) => {
        callback(null, echo(request.sku));
      },
      reserve: () => undefined,
      importStock: () => undefined,
    });
    const { connection, get } = connect(await bind(server));
    for (let i = 0; i < 20; i++) expect((await get()).item?.sku).toBe('TEA');
    expect(connection.stats()).toMatchObject({ lanes: 0, laneCalls: 0 });
  });

  test('takes a server at its word that goes away, and answers all the same', async () => {
    const rig = await foreignServer(
      welcoming((_request, stream) => {
        stream.write({ ...nothing, welcome, goAway: { lastId: 0 } });
        stream.write({ ...nothing, replies: [reply(1, { body: Buffer.of(255, 255) })] });
      }),
    );
    await welcomed(rig);
    expect(await errorOf(rig.get())).toBeInstanceOf(UnreachedError);
  });

  test('waits for no server that never welcomes', async () => {
    let hellos = 0;
    const rig = await foreignServer(({ hello: said }) => {
      if (said !== undefined) hellos++;
    });
    const first = await errorOf(rig.get());
    expect(first.status).toBe('UNIMPLEMENTED');
    await eventually(() => hellos >= 1);
    // It gives up, and tries again after a pause that grows.
    await eventually(async () => {
      await errorOf(rig.get());
      return hellos >= 2;
    });
    expect(rig.connection.stats().laneCalls).toBe(0);
  });

  test('tells the server of a deadline that has passed, and of nothing else', async () => {
    const cancels: number[] = [];
    const rig = await foreignServer(
      welcoming((request) => {
        cancels.push(...request.cancels);
      }),
    );
    await welcomed(rig);
    const error = await errorOf(rig.get(50));
    expect(error.status).toBe('DEADLINE_EXCEEDED');
    await eventually(() => cancels.length === 1);
    expect(rig.connection.stats().lanes).toBe(1);
  });
});
