import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { WebSocket as RawSocket } from 'ws';
import { z } from 'zod';
import { type Context, currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { createSocketClient, type SocketClient, type SocketClientOptions } from './client.ts';
import { createSocketDoor, type SocketDoor, type SocketDoorOptions } from './door.ts';
import type { Frame } from './frame.ts';
import type { SocketConnection } from './socket.ts';
import { verb } from './verb.ts';

interface Rig {
  readonly door: SocketDoor;
  readonly server: Server;
  readonly port: number;
  readonly address: string;
  /** Those who are connected now. */
  readonly connections: Set<SocketConnection>;
}

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const echo = verb(z.object({ text: z.string().max(5) }), async ({ text }) => ({ text }));

async function startRig(options: Partial<SocketDoorOptions> = {}, port = 0): Promise<Rig> {
  const connections = new Set<SocketConnection>();
  const door = createSocketDoor({
    ...{ verbs: { echo }, onOpen: (it) => void connections.add(it) },
    onClose: (it) => void connections.delete(it),
    ...options,
  });
  const server = createServer();
  server.on('upgrade', (incoming, socket, head) => {
    const { searchParams } = new URL(incoming.url ?? '', 'http://edge');
    const user = searchParams.get('user');
    const session = searchParams.get('session');
    const baggage = session === null ? undefined : new Map([['session', { value: session }]]);
    const principal = user === null ? undefined : { subject: user };
    door.accept({ incoming, principal, baggage }, socket, head);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const at = (server.address() as AddressInfo).port;
  closing.push(async () => {
    await door.close();
    server.close();
  });
  return { door, server, port: at, address: `ws://127.0.0.1:${String(at)}/?user=ada`, connections };
}

function client(options: SocketClientOptions): SocketClient {
  const it = createSocketClient(options);
  closing.push(() => it.close());
  return it;
}

/** A client that is no WebSocket library: it sends bytes, and reads only when it is told. */
async function rawClient({ port }: Rig): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  closing.push(async () => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(
    'GET /?user=ada HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(socket, 'data');
  socket.pause();
  return socket;
}

test('a verb inherits what the edge accepted of the handshake, and its trace if it brought one', async () => {
  const traceId = 'a'.repeat(32);
  const seen: Context[] = [];
  const context = async (): Promise<undefined> => {
    seen.push(currentContext());
    return undefined;
  };
  const { port } = await startRig({ verbs: { context } });
  const ask = async (headers: Readonly<Record<string, string>>): Promise<void> => {
    const ws = new RawSocket(`ws://127.0.0.1:${String(port)}/?user=ada&session=7`, { headers });
    await once(ws, 'open');
    ws.send('{"type": "context", "id": "1"}');
    await once(ws, 'message');
    ws.close();
    await once(ws, 'close');
  };
  await ask({ traceparent: `00-${traceId}-${'b'.repeat(16)}-01`, tracestate: 'rojo=1' });
  await ask({});
  const baggage = new Map([['session', { value: '7' }]]);
  expect(seen).toEqual([
    { trace: { traceId, spanId: 'b'.repeat(16), state: 'rojo=1' }, baggage },
    { trace: undefined, baggage },
  ]);
});

test('a verb answers under the id that was asked; what cannot be answered is a typed error', async () => {
  const failing = async (): Promise<never> => {
    throw new Error('a secret');
  };
  const { address } = await startRig({ verbs: { echo, failing } });
  const { request } = client({ address: () => address });
  expect(await request({ type: 'echo', text: 'hello' })).toMatchObject({
    type: 'ok',
    text: 'hello',
  });
  expect(await errorOf(request({ type: 'echo', text: 'too long' }))).toMatchObject({
    ...{ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' },
  });
  expect(await errorOf(request({ type: 'toString' }))).toMatchObject({ reason: 'NO_SUCH_VERB' });
  const hidden = await errorOf(request({ type: 'failing' }));
  expect(hidden).toMatchObject({ status: 'INTERNAL', reason: 'HANDLER_FAILED' });
  expect(MeshError.from(hidden).message).not.toContain('secret');
});

test('a frame that is no request is answered with what is wrong with it, and the connection goes on', async () => {
  const { address } = await startRig();
  const socket = new RawSocket(address);
  const heard: Frame[] = [];
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Frame));
  await once(socket, 'open');
  for (const text of ['{', '[]', '{"type":"echo"}', '{"id":"7"}']) socket.send(text);
  socket.send('{"type":"echo","id":"8","text":"on"}');
  await eventually(() => heard.length === 5);
  expect(heard.map(({ type, id, reason }) => [type, id, reason])).toEqual([
    ['error', undefined, 'FRAME_NOT_READ'],
    ['error', undefined, 'FRAME_NOT_READ'],
    ['error', undefined, 'FRAME_NOT_READ'],
    ['error', '7', 'FRAME_NOT_READ'],
    ['ok', '8', undefined],
  ]);
  socket.send(Buffer.from([1]));
  expect((await once(socket, 'close'))[0]).toBe(1003);
});

test('who has no name gets 401, and one too many 503', async () => {
  const { address } = await startRig({ limits: { connections: 1 } });
  const refusedWith = async (url: string): Promise<number | undefined> => {
    const socket = new RawSocket(url);
    const [, answer] = (await once(socket, 'unexpected-response')) as [
      unknown,
      { statusCode?: number },
    ];
    socket.on('error', () => undefined).terminate();
    return answer.statusCode;
  };
  expect(await refusedWith(address.replace('?user=ada', ''))).toBe(401);
  const first = new RawSocket(address);
  await once(first, 'open');
  expect(await refusedWith(address)).toBe(503);
  first.terminate();
});

test('a frame that is too large closes the connection with 1009', async () => {
  const { address } = await startRig({ limits: { frameBytes: 100 } });
  const socket = new RawSocket(address);
  await once(socket, 'open');
  socket.send('x'.repeat(101));
  expect((await once(socket, 'close'))[0]).toBe(1009);
});

test('what comes faster than its rate waits unread, and none of it is lost or out of order', async () => {
  const order: string[] = [];
  const note = async ({ n }: Readonly<Record<string, unknown>>): Promise<undefined> => {
    order.push(String(n));
    return undefined;
  };
  const { address } = await startRig({
    ...{ verbs: { note }, limits: { framesPerSecond: 100, burst: 10 } },
  });
  const { request } = client({ address: () => address });
  const begin = performance.now();
  const numbers = Array.from({ length: 60 }, (_, i) => String(i));
  await Promise.all(numbers.map((n) => request({ type: 'note', n })));
  expect(performance.now() - begin).toBeGreaterThan(400);
  expect(order).toEqual(numbers);
});

test('who sends to a slow reader waits; memory stays bounded, and one that never reads is closed', async () => {
  const rig = await startRig({ limits: { stalledMs: 300, waitingBytes: 32 * 1024 } });
  await rawClient(rig);
  const [slow] = rig.connections;
  if (slow === undefined) throw new Error('nobody came');
  let sent = 0;
  const pushing = (async () => {
    for (;;) {
      await slow.send({ type: 'push', text: 'x'.repeat(16 * 1024) });
      sent++;
    }
  })();
  expect(await errorOf(pushing)).toMatchObject({ status: 'CANCELLED', reason: 'SOCKET_CLOSED' });
  // What the kernel's buffers of both sides take, and no more.
  expect(sent * 16 * 1024).toBeLessThan(32 * 1024 * 1024);
  expect(slow.signal.aborted).toBe(true);
  await eventually(() => rig.connections.size === 0);
});

test('a reader that was slow for a while goes on, with everything in its order', async () => {
  const rig = await startRig({ limits: { stalledMs: 10_000, waitingBytes: 32 * 1024 } });
  const socket = new RawSocket(rig.address);
  await once(socket, 'open');
  const [slow] = rig.connections;
  const heard: number[] = [];
  socket.on('message', (data: Buffer) => {
    heard.push((JSON.parse(data.toString()) as { n: number }).n);
  });
  socket.pause();
  let sent = 0;
  const pushing = (async () => {
    for (; sent < 1500; sent++) {
      await slow?.send({ type: 'push', n: sent, text: 'x'.repeat(16 * 1024) });
    }
  })();
  await eventually(() => sent > 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(sent).toBeLessThan(1500);
  socket.resume();
  await pushing;
  await eventually(() => heard.length === 1500);
  expect(heard).toEqual(Array.from({ length: 1500 }, (_, i) => i));
  socket.terminate();
});

test('who gives no sign of life is cut off, and who answers pings stays', async () => {
  const rig = await startRig({ limits: { pingMs: 100 } });
  const dead = await rawClient(rig);
  const living = new RawSocket(rig.address);
  await once(living, 'open');
  await eventually(() => rig.connections.size === 1);
  dead.resume();
  await once(dead, 'close');
  expect(living.readyState).toBe(RawSocket.OPEN);
  living.terminate();
});

test('a door that closes finishes what was asked, and sends everybody away with 1012', async () => {
  const started = Promise.withResolvers<undefined>();
  const goOn = Promise.withResolvers<undefined>();
  const slow = async (): Promise<object> => {
    started.resolve(undefined);
    await goOn.promise;
    return { done: true };
  };
  const { address, door } = await startRig({ verbs: { slow } });
  const socket = new RawSocket(address);
  const heard: string[] = [];
  socket.on('message', (data: Buffer) => heard.push(data.toString()));
  await once(socket, 'open');
  socket.send('{"type":"slow","id":"1"}');
  await started.promise;
  const closed = door.close();
  goOn.resolve(undefined);
  expect((await once(socket, 'close'))[0]).toBe(1012);
  expect(heard).toEqual(['{"done":true,"type":"ok","id":"1"}']);
  await closed;
});

test('a client comes back to another instance, begins anew there, and asks again what had no answer', async () => {
  const begun: string[] = [];
  const silent = async (): Promise<never> => new Promise(() => undefined);
  const hello = verb(z.object({ from: z.string() }), async ({ from }) => {
    begun.push(from);
    return {};
  });
  const first = await startRig({ verbs: { hello, ask: silent }, limits: { farewellMs: 50 } });
  const second = await startRig({ verbs: { hello, ask: async () => ({ from: 'second' }) } });
  const addresses = [first.address, second.address];
  let tries = 0;
  const it = client({
    address: () => addresses[Math.min(tries++, 1)] ?? '',
    onOpen: async (ask) => {
      await ask({ type: 'hello', from: String(tries) });
    },
  });
  await eventually(() => it.state === 'open');
  const answer = it.request({ type: 'ask' });
  await first.door.close();
  expect(await answer).toMatchObject({ type: 'ok', from: 'second' });
  expect(begun).toEqual(['1', '2']);
  expect(it.connected).toBe(2);
});
