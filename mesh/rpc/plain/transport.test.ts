import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  GetStockResponse,
  ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import { UnreachedError } from '../../resilience/unreached.ts';
import { methodInfo } from '../../schema/definition.ts';
import { type Cable, createCable } from '../../testing/cable.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import type { AttemptContext, Connection, Method } from '../transport.ts';
import { createPlainTransport, type PlainTransportOptions } from './transport.ts';

/**
 * What other servers and broken networks do, which a server of weft never would. It is also the contract
 * with grpc-js: whether a call was sent is read from what it says (see outcome.ts), and this is where a new
 * version that says it otherwise is caught.
 */

const { getStock, importStock } = InventoryServiceDefinition.methods;
const getStockMethod = {
  ...methodInfo(InventoryServiceDefinition, getStock),
  ...getStock,
} satisfies Method<{ sku: string }, GetStockResponse>;
const importStockMethod = {
  ...methodInfo(InventoryServiceDefinition, importStock),
  ...importStock,
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Answer = (stream: ServerHttp2Stream, connection: number) => void;

/** A server of bare HTTP/2: it answers as the test says, which may be against all rules of gRPC. */
async function rawServer(answer: Answer): Promise<{ port: number; server: Http2Server }> {
  const server = createServer();
  let connections = 0;
  server.on('session', (session) => {
    const connection = ++connections;
    closing.push(() => {
      session.destroy();
    });
    session.on('error', () => undefined);
    session.on('stream', (stream) => {
      stream.on('error', () => undefined);
      answer(stream, connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

function connect(port: number, options: PlainTransportOptions = {}): Connection {
  const transport = createPlainTransport(options);
  const service = 'inventory';
  const endpoint = { instanceId: 'i', service, host: '127.0.0.1', port, metadata: {} };
  const connection = transport.open(endpoint);
  closing.push(() => connection.close());
  return connection;
}

function context(ms = 2000): AttemptContext {
  return {
    method: getStockMethod,
    metadata: {},
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
    attempt: 1,
    deadline: deadlineIn(ms, systemClock),
  };
}

const call = (connection: Connection, ms?: number): Promise<GetStockResponse> =>
  connection.unary(getStockMethod, { sku: 'TEA' }, context(ms));

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Answers with these frames and a status. */
function respond(stream: ServerHttp2Stream, frames: readonly Uint8Array[], status = '0'): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': status });
  });
  for (const each of frames) stream.write(frame(each));
  stream.end();
}

const stock = GetStockResponse.encode({ item: undefined }).finish();

describe('what never reached a handler', () => {
  test('a connection that is refused, at once and with the reason', async () => {
    const { port, server } = await rawServer(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const began = performance.now();
    const error = await errorOf(call(connect(port)));
    expect(error).toBeInstanceOf(UnreachedError);
    expect(error.message).toContain(
      `no connection: connect ECONNREFUSED 127.0.0.1:${String(port)}`,
    );
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('a host that answers nothing, long before the deadline', async () => {
    const { port } = await rawServer(() => undefined);
    const cable = await cableTo(port);
    cable.freeze();
    const connection = connect(cable.port, { connectTimeoutMs: 50 });
    const error = await errorOf(call(connection, 5000));
    expect(error).toBeInstanceOf(UnreachedError);
    expect(error.message).toContain('no connection within 50 ms');
    const late = await errorOf(call(connect(cable.port), 30));
    expect(late.status).toBe('DEADLINE_EXCEEDED');
  });

  test('a stream that the server refuses, as it does when it goes away', async () => {
    const { port } = await rawServer((stream) => {
      stream.close(7);
    });
    const error = await errorOf(call(connect(port)));
    expect(error).toBeInstanceOf(UnreachedError);
    expect(error.message).toContain('Stream refused by server');
  });

  test('a stream beyond the last one that a GOAWAY promises to answer', async () => {
    const { port } = await rawServer((stream) => {
      if (stream.id !== 1) return;
      stream.session?.goaway(0, 1);
      respond(stream, [stock]);
    });
    const connection = connect(port);
    const [first, second] = [call(connection), call(connection)];
    expect(await errorOf(second)).toBeInstanceOf(UnreachedError);
    expect(await first).toEqual({ item: undefined });
  });

  test('a connection that is being closed', async () => {
    const { port } = await rawServer((stream) => {
      respond(stream, [stock]);
    });
    const connection = connect(port);
    await connection.close();
    expect(await errorOf(call(connection))).toBeInstanceOf(UnreachedError);
  });
});

describe('what may have reached one', () => {
  test('a connection that breaks under way', async () => {
    const { port } = await rawServer((stream) => {
      stream.session?.destroy();
    });
    const error = await errorOf(call(connect(port)));
    expect(error.status).toBe('UNAVAILABLE');
    expect(error).not.toBeInstanceOf(UnreachedError);
  });

  test('a stream that is reset, or cut off by an error', async () => {
    const { port } = await rawServer((stream) => {
      stream.close(2);
    });
    const error = await errorOf(call(connect(port)));
    expect(error.status).toBe('INTERNAL');
    expect(error).not.toBeInstanceOf(UnreachedError);
  });

  test('a call that nobody answers: its deadline ends it', async () => {
    const { port } = await rawServer(() => undefined);
    const error = await errorOf(call(connect(port), 40));
    expect(error.status).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toContain(`GetStock at 127.0.0.1:${String(port)}: Deadline exceeded`);
  });
});

describe('an answer that is none', () => {
  test('OK without a response', async () => {
    const { port } = await rawServer((stream) => {
      respond(stream, []);
    });
    const error = await errorOf(call(connect(port)));
    expect(error).toMatchObject({ status: 'INTERNAL', reason: 'NO_RESPONSE' });
  });

  test('two responses to one request', async () => {
    const { port } = await rawServer((stream) => {
      respond(stream, [stock, stock]);
    });
    const error = await errorOf(call(connect(port)));
    expect(error).toMatchObject({ status: 'INTERNAL', reason: 'TOO_MANY_RESPONSES' });
  });

  test('bytes that are no message', async () => {
    const { port } = await rawServer((stream) => {
      respond(stream, [new Uint8Array([0x0a, 0xff, 0xff])]);
    });
    const error = await errorOf(call(connect(port)));
    expect(error).toMatchObject({ status: 'INTERNAL', reason: 'UNDECODABLE_RESPONSE' });
    expect(error.message).toContain('no shop.inventory.v1.GetStockResponse');
  });

  test('a message over the limit', async () => {
    const { port } = await rawServer((stream) => {
      respond(stream, [new Uint8Array(2000)]);
    });
    const error = await errorOf(call(connect(port, { maxMessageBytes: 1000 })));
    expect(error.status).toBe('RESOURCE_EXHAUSTED');
  });

  test('no gRPC at all', async () => {
    const { port } = await rawServer((stream) => {
      stream.respond({ ':status': 502, 'content-type': 'text/html' });
      stream.end('<h1>Bad gateway</h1>');
    });
    expect((await errorOf(call(connect(port)))).status).toBe('UNAVAILABLE');
  });
});

describe('a connection', () => {
  test('is made again when the endpoint returns, within seconds', async () => {
    const { port } = await rawServer((stream) => {
      respond(stream, [stock]);
    });
    const cable = await cableTo(port);
    const connection = connect(cable.port);
    await call(connection);
    await cable.cut();
    await eventually(async () => (await errorOf(call(connection))) instanceof UnreachedError);
    await cable.mend();
    await eventually(() => call(connection), { withinMs: 4000 });
  });

  test('is one for all calls at a time, however many begin before it is there', async () => {
    let connections = 0;
    const { port } = await rawServer((stream, connection) => {
      connections = connection;
      respond(stream, [stock]);
    });
    const connection = connect(port);
    await Promise.all(Array.from({ length: 50 }, () => call(connection)));
    expect(connections).toBe(1);
  });

  test('closes when the calls under way have ended', async () => {
    const finish = Promise.withResolvers<void>();
    const { port } = await rawServer((stream) => {
      void finish.promise.then(() => {
        respond(stream, [stock]);
      });
    });
    const cable = await cableTo(port);
    const connection = connect(cable.port);
    const answer = call(connection);
    await eventually(() => cable.connections === 1);
    let closed = false;
    const close = connection.close().then(() => {
      closed = true;
    });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    finish.resolve();
    expect(await answer).toEqual({ item: undefined });
    await close;
    await eventually(() => cable.connections === 0);
  });
});

describe('requests', () => {
  /** Deliveries of about 8 KiB each; counts what was taken. */
  function deliveries(count: number): { given: number; source: AsyncIterable<ImportStockRequest> } {
    const unitPrice = { currencyCode: 'x'.repeat(8 * 1024) };
    const state = { given: 0, source: give() };
    async function* give(): AsyncGenerator<ImportStockRequest> {
      while (state.given < count) {
        state.given++;
        yield await Promise.resolve(ImportStockRequest.create({ sku: 'TEA', unitPrice }));
      }
    }
    return state;
  }

  test('are not touched before there is a connection', async () => {
    const { port, server } = await rawServer(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const requests = deliveries(1);
    const messages = connect(port).stream(importStockMethod, requests.source, context());
    const read = messages[Symbol.asyncIterator]().next();
    expect(await errorOf(read)).toBeInstanceOf(UnreachedError);
    expect(requests.given).toBe(0);
  });

  test('are read only as fast as the server takes them', async () => {
    const read = Promise.withResolvers<void>();
    const { port } = await rawServer((stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      void read.promise.then(() => stream.resume());
      stream.on('end', () => stream.end(frame(new Uint8Array())));
    });
    const requests = deliveries(2000);
    const stream = connect(port).stream(importStockMethod, requests.source, context(20_000));
    const messages = stream[Symbol.asyncIterator]();
    const answer = messages.next();
    let before = -1;
    const stands = (): boolean => {
      const still = requests.given === before;
      before = requests.given;
      return still;
    };
    await eventually(stands, { everyMs: 100 });
    // 1 MiB that grpc-js takes, the window of HTTP/2, the buffers of both sockets; 16 MiB in all are given.
    expect(requests.given).toBeLessThan(1000);
    read.resolve();
    expect((await answer).done).toBe(false);
    expect((await messages.next()).done).toBe(true);
    expect(requests.given).toBe(2000);
  });
});

async function cableTo(port: number): Promise<Cable> {
  const cable = await createCable(port);
  closing.push(() => cable.close());
  return cable;
}
