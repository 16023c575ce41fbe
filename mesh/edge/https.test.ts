import { once } from 'node:events';
import { connect } from 'node:http2';
import { get } from 'node:https';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test } from '@jest/globals';
import { createEdge, type Edge } from './edge.ts';
import type { TlsFiles } from './listener.ts';
import type { Protocol } from './protocol.ts';

/** Of localhost, for tests alone, and good until 2126. */
const certificates = join(import.meta.dirname, '../testing/certificates');
const tls: TlsFiles = {
  certFile: join(certificates, 'localhost-cert.pem'),
  keyFile: join(certificates, 'localhost-key.pem'),
};
let edge: Edge;

afterEach(() => edge.close());

const echo: Protocol = async (request, exchange) => {
  exchange.reply(200, {}, `${request.method} ${String(await exchange.body())}`);
};

async function open(): Promise<URL> {
  edge = createEdge({
    ...{ tls, protocols: [echo] },
    upgrades: [{ path: '/up', accept: (_request, socket) => void socket.end('taken over') }],
  });
  await edge.start();
  return new URL(edge.address);
}

test('HTTP/2 is spoken with whoever can', async () => {
  const session = connect(await open(), { rejectUnauthorized: false });
  const stream = session.request({ ':path': '/', ':method': 'POST' });
  stream.end('hello');
  let text = '';
  for await (const piece of stream as AsyncIterable<Buffer>) text += piece.toString();
  expect(text).toBe('POST hello');
  expect(session.alpnProtocol).toBe('h2');
  session.close();
});

test('HTTP/1.1 with all others', async () => {
  const { port } = await open();
  const request = get({ port, rejectUnauthorized: false, agent: false });
  const [answer] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
  let text = '';
  for await (const piece of answer) text += piece.toString();
  expect(text).toBe('GET ');
});

test('a WebSocket may begin over TLS too', async () => {
  const { port } = await open();
  const socket = connectTls({ port: Number(port), rejectUnauthorized: false });
  socket.write('GET /up HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
  const [words] = (await once(socket, 'data')) as [Buffer];
  expect(words.toString()).toBe('taken over');
  socket.destroy();
});

test('an edge with HTTP/2 connections drains at once when nothing is asked', async () => {
  const session = connect(await open(), { rejectUnauthorized: false });
  await once(session, 'connect');
  const closed = once(session, 'close');
  await edge.close();
  await closed;
  expect(session.closed).toBe(true);
});
