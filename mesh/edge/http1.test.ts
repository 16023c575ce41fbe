/** What a client of HTTP/1.1 may do to the edge: bytes over a real socket. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createEdge, type Edge } from './edge.ts';
import type { EdgeLimits } from './limits.ts';
import type { Protocol } from './protocol.ts';

let edge: Edge;
let asked: string[] = [];
afterEach(() => edge.close());

const protocol: Protocol = async ({ method, url }, exchange) => {
  asked.push(`${method} ${url.pathname}`);
  const body = await exchange.body();
  exchange.reply(200, {}, `read ${String(body.length)}`);
};

async function open(limits: Partial<EdgeLimits> = {}, own = protocol): Promise<Socket> {
  asked = [];
  edge = createEdge({ protocols: [own], limits });
  await edge.start();
  return dial();
}

function dial(): Socket {
  const { hostname, port } = new URL(edge.address);
  return connect(Number(port), hostname).on('error', () => undefined);
}

/** All that the other side says until it closes. */
async function wordsOf(socket: Socket): Promise<string> {
  let words = '';
  socket.on('data', (piece: Buffer) => {
    words += piece.toString();
  });
  await once(socket, 'close');
  return words;
}

const hidden = 'GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n';

describe('a request that two servers would read in two ways is refused, and what hides behind it', () => {
  test.each([
    ['a length and chunks', 'content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'content-length: 0\r\ncontent-length: 36\r\n\r\n'],
    ['a length that is none', 'content-length: +5\r\n\r\n'],
    ['chunks that are not last', 'transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['chunks by another name', 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a space before the colon', 'transfer-encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'transfer-encoding:\r\n chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n'],
    ['a bad size of a chunk', 'transfer-encoding: chunked\r\n\r\n0x0\r\n\r\n'],
    ['a line that ends in LF alone', 'content-length: 0\n\n'],
    ['two hosts', 'host: y\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'],
  ])('%s', async (_, rest) => {
    const socket = await open();
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${rest}${hidden}`);
    expect(await wordsOf(socket)).toMatch(/^HTTP\/1.1 400 /);
    expect(asked).not.toContain('GET /hidden');
  });
});

test('a target in absolute form is read as its path', async () => {
  const socket = await open();
  socket.write(
    'GET http://shop.example/v1/orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  );
  expect(await wordsOf(socket)).toMatch(/^HTTP\/1.1 200 /);
  expect(asked).toEqual(['GET /v1/orders']);
});

describe('a body', () => {
  test('in pieces without a length, beyond the limit, is refused with an answer', async () => {
    await open({ bodyBytes: 100 });
    const piece = new Uint8Array(80);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 5; i++) controller.enqueue(piece);
        controller.close();
      },
    });
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expect((await fetch(edge.address, init)).status).toBe(413);
  });

  test('that comes drop by drop is refused with an answer', async () => {
    const socket = await open({ requestTimeoutMs: 150, headersTimeoutMs: 100 });
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc');
    expect(await wordsOf(socket)).toMatch(/^HTTP\/1.1 408 /);
  });
});

test('an answer that nobody reads is not held forever', async () => {
  const large: Protocol = (_request, exchange) => {
    exchange.reply(200, {}, Buffer.alloc(16 * 1024 * 1024));
    return Promise.resolve();
  };
  const socket = await open({ stalledReaderMs: 150 }, large);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise((resolve) => setTimeout(resolve, 600));
  // Nothing is left of it: the edge can go at once.
  const startedAt = performance.now();
  await edge.close();
  expect(performance.now() - startedAt).toBeLessThan(1000);
  socket.destroy();
});

test('an edge that leaves says so on connections that would be kept, and does not wait for them', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const slow: Protocol = async (_request, exchange) => {
    arrive();
    await released;
    exchange.reply(200, {}, 'late');
  };
  const socket = await open({}, slow);
  const words = wordsOf(socket);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await arrived;
  const startedAt = performance.now();
  const closed = edge.close();
  release();
  expect(await words).toMatch(/connection: close[^]*late$/i);
  await closed;
  expect(performance.now() - startedAt).toBeLessThan(2000);
});
