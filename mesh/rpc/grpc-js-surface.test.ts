import { connect, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import {
  Metadata,
  Server,
  ServerCredentials,
  connectivityState as states,
  status,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../testing/eventually.ts';
import {
  begin,
  channelTo,
  closeAll,
  closing,
  echoing,
  inert,
  intercepted,
  path,
  rawCall,
  same,
  serve,
} from './bare-grpc.ts';
import {
  clientReadStream,
  clientSendStream,
  clientStream,
  readsPlainly,
  serverStream,
} from './grpc-internals.ts';

/**
 * What weft uses of grpc-js beyond its documentation, one expectation each, and nothing of weft between. A
 * new version of grpc-js that does one of these things otherwise is red here, with the name of the thing;
 * the comments say which file relies on it.
 */

afterEach(closeAll);

describe('the channel (plain/wire.ts, plain/unary.ts, lane/client-lane.ts)', () => {
  test('makes calls that take messages one by one, and tell header, messages and status in order', async () => {
    const { port } = await serve(echoing());
    const { call, events, messages, ended } = begin(channelTo(`127.0.0.1:${String(port)}`));
    call.startRead();
    call.sendMessageWithContext(Object.freeze({}), Buffer.from('hello'));
    call.halfClose();
    await eventually(() => messages.length === 1);
    call.startRead();
    expect(await ended).toMatchObject({ code: status.OK, details: 'OK' });
    expect(events).toEqual(['header', 'message', 'status']);
    expect(String(messages[0])).toBe('hello');
  });

  test('tells a second message only to who asks for it', async () => {
    const grpc = intercepted((_name, call) => {
      call.start({
        onReceiveMetadata: () => call.startRead(),
        onReceiveMessage: () => call.startRead(),
        onReceiveHalfClose() {
          for (const text of ['one', 'two']) call.sendMessage(Buffer.from(text), () => undefined);
          call.sendStatus({ code: status.OK, details: 'OK', metadata: null });
        },
        onCancel: () => undefined,
      });
      return inert(call);
    });
    const { port } = await serve(grpc);
    const { call, messages, ended } = begin(channelTo(`127.0.0.1:${String(port)}`));
    call.startRead();
    call.sendMessageWithContext({}, Buffer.from('x'));
    call.halfClose();
    await eventually(() => messages.length === 1);
    // The status waits behind the message that nobody has asked for.
    const first = await Promise.race([
      ended,
      new Promise((resolve) => setImmediate(resolve, 'none')),
    ]);
    expect(first).toBe('none');
    call.startRead();
    await eventually(() => messages.length === 2);
    call.startRead();
    expect((await ended).code).toBe(status.OK);
  });

  test('ends a call by cancelWithStatus with that status, and the server is told', async () => {
    let cancelled = 0;
    const grpc = intercepted((_name, call) => {
      call.start({
        onReceiveMetadata: () => call.startRead(),
        onReceiveMessage: () => undefined,
        onReceiveHalfClose: () => undefined,
        onCancel: () => cancelled++,
      });
      return inert(call);
    });
    const { port } = await serve(grpc);
    const channel = channelTo(`127.0.0.1:${String(port)}`);
    const { call, ended } = begin(channel);
    call.sendMessageWithContext({}, Buffer.from('x'));
    await eventually(() => channel.getConnectivityState(false) === states.READY);
    await eventually(() => call.getPeer() !== channel.getTarget());
    call.cancelWithStatus(status.CANCELLED, 'enough');
    expect(await ended).toMatchObject({ code: status.CANCELLED, details: 'enough' });
    await eventually(() => cancelled === 1);
  });

  test('answers with its own target as peer until a call has a connection (plain/outcome.ts)', async () => {
    const { port } = await serve(echoing());
    const channel = channelTo(`127.0.0.1:${String(port)}`);
    const { call, ended } = begin(channel);
    expect(channel.getTarget()).toBe(`dns:127.0.0.1:${String(port)}`);
    expect(call.getPeer()).toBe(channel.getTarget());
    call.startRead();
    call.sendMessageWithContext({}, Buffer.from('x'));
    call.halfClose();
    await eventually(() => call.getPeer() === `127.0.0.1:${String(port)}`);
    call.startRead();
    await ended;

    // A port on which nobody listens.
    const { port: free, listener } = await serve(echoing());
    await new Promise((resolve) => listener.close(resolve));
    const unreachable = channelTo(`127.0.0.1:${String(free)}`);
    const refused = begin(unreachable);
    const { code, details } = await refused.ended;
    expect(code).toBe(status.UNAVAILABLE);
    expect(details).toMatch(/Last error: .*ECONNREFUSED.* Resolution note:/);
    expect(refused.call.getPeer()).toBe(unreachable.getTarget());
    expect(unreachable.getConnectivityState(false)).toBe(states.TRANSIENT_FAILURE);
  });

  test('says of a refused stream that the server refused it (plain/outcome.ts)', async () => {
    const http2 = createHttp2Server();
    http2.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => undefined);
      stream.close(7);
    });
    await new Promise<void>((resolve) => http2.listen(0, '127.0.0.1', resolve));
    closing.push(() => http2.close());
    const { port } = http2.address() as AddressInfo;
    const { ended } = begin(channelTo(`127.0.0.1:${String(port)}`));
    expect(await ended).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'Stream refused by server',
    });
  });

  test('shares a connection with the channel beside it, unless told not to (plain/transport.ts)', async () => {
    const { port, listener } = await serve(echoing());
    const count = (): Promise<number> =>
      new Promise((resolve) => {
        listener.getConnections((_error, n) => {
          resolve(n);
        });
      });
    const connect = async (options: object): Promise<void> => {
      const channel = channelTo(`127.0.0.1:${String(port)}`, options);
      channel.getConnectivityState(true);
      await eventually(() => channel.getConnectivityState(false) === states.READY);
    };
    const shared = { 'grpc.use_local_subchannel_pool': 0 };
    await connect(shared);
    await connect(shared);
    expect(await count()).toBe(1);
    await connect({ 'grpc.use_local_subchannel_pool': 1 });
    expect(await count()).toBe(2);
  });
});

describe('the server', () => {
  test('serves connections that are handed to it, and drains them (server/listener.ts, drain.ts)', async () => {
    const grpc = echoing();
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    let closed = 0;
    const listener = createNetServer((socket) => {
      socket.on('close', () => closed++);
      injector.injectConnection(socket);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      grpc.forceShutdown();
      listener.close();
    });
    const session = connect(`http://127.0.0.1:${String((listener.address() as AddressInfo).port)}`);
    session.on('error', () => undefined);
    let left = 0;
    session.on('close', () => left++);
    await new Promise((resolve) => session.on('remoteSettings', resolve));
    injector.drain(10_000);
    await eventually(() => left === 1 && closed === 1);
    injector.destroy();
  });

  test('looks a path up in a map that may have an answer of its own (server/unknown-method.ts)', () => {
    const grpc = new Server();
    grpc.register(path, () => undefined, same, same, 'unary');
    const handlers: unknown = Reflect.get(grpc, 'handlers');
    expect(handlers).toBeInstanceOf(Map);
    expect([...(handlers as Map<string, unknown>).keys()]).toEqual([path]);
  });

  test('lets an interceptor take a call: message and status at once arrive in order (server/plain-unary.ts)', async () => {
    const { port } = await serve(echoing());
    const channel = channelTo(`127.0.0.1:${String(port)}`);
    for (const text of ['', 'short', 'x'.repeat(100_000)]) {
      const { call, messages, ended } = begin(channel);
      call.startRead();
      call.sendMessageWithContext({}, Buffer.from(text));
      call.halfClose();
      await eventually(() => messages.length === 1);
      call.startRead();
      expect((await ended).code).toBe(status.OK);
      expect(String(messages[0])).toBe(text);
    }
  });

  test('keeps the status that it gave by itself where the stream keeps what was sent (grpc-internals.ts)', async () => {
    const sent: unknown[] = [];
    const grpc = intercepted((_name, call) => {
      const stream = Reflect.get(call, 'stream') as { sentHeaders?: object; closed?: unknown };
      call.start({
        onReceiveMetadata: () => call.startRead(),
        onReceiveMessage: () => undefined,
        onReceiveHalfClose: () => undefined,
        onCancel: () => {
          sent.push(Reflect.get(stream.sentHeaders ?? {}, 'grpc-status'), typeof stream.closed);
        },
      });
      return inert(call);
    });
    const { port } = await serve(grpc);
    const { call, ended } = begin(channelTo(`127.0.0.1:${String(port)}`));
    call.startRead();
    // More than the 4 MiB that grpc-js takes.
    call.sendMessageWithContext({}, Buffer.alloc(5 * 1024 * 1024));
    call.halfClose();
    expect((await ended).code).toBe(status.RESOURCE_EXHAUSTED);
    await eventually(() => sent.length === 2);
    expect(sent).toEqual([status.RESOURCE_EXHAUSTED, 'boolean']);
  });

  test('knows of a call its encoding, its stream, its addresses and the frame of a message (grpc-internals.ts)', async () => {
    const seen: unknown[] = [];
    const grpc = intercepted((name, call) => {
      expect(name).toBe(path);
      call.start({
        onReceiveMetadata: () => call.startRead(),
        onReceiveMessage(message: Buffer) {
          seen.push(Reflect.get(call, 'incomingEncoding'));
          const stream = Reflect.get(call, 'stream') as { close?: unknown };
          seen.push(typeof stream.close);
          // The flag of compression, 5 bytes before the message, in the same memory.
          seen.push(new Uint8Array(message.buffer, message.byteOffset - 5, 5).join(' '));
          seen.push(call.getConnectionInfo().remoteAddress, call.getDeadline());
          call.sendStatus({ code: status.NOT_FOUND, details: 'seen', metadata: null });
        },
        onReceiveHalfClose: () => undefined,
        onCancel: () => undefined,
      });
      return inert(call);
    });
    const { port } = await serve(grpc);
    const stream = rawCall(port);
    stream.resume();
    const answered = new Promise((resolve) => {
      stream.on('response', (headers) => {
        resolve(headers['grpc-status']);
      });
    });
    stream.end(Buffer.concat([Buffer.from([1, 0, 0, 0, 2]), Buffer.from('hi')]));
    expect(await answered).toBe('5');
    expect(seen).toEqual(['identity', 'function', '1 0 0 0 2', '127.0.0.1', Infinity]);
  });
});

test('keeps the HTTP/2 stream of a call where messages can pass by it on either side (grpc-internals.ts)', async () => {
  const server: unknown[] = [];
  const grpc = intercepted((_name, call) => {
    server.push(serverStream(call)?.isPaused(), serverStream(call)?.listenerCount('data'));
    server.push(readsPlainly(call));
    call.start({
      onReceiveMetadata: () => call.startRead(),
      onReceiveMessage: (message: Buffer) => call.sendMessage(message, () => undefined),
      onReceiveHalfClose: () => undefined,
      onCancel: () => undefined,
    });
    return inert(call);
  });
  const { port } = await serve(grpc);
  const { call, messages } = begin(channelTo(`127.0.0.1:${String(port)}`));
  expect(clientStream(call)).toBeUndefined();
  call.startRead();
  call.sendMessageWithContext({}, Buffer.from('hello'));
  expect(clientSendStream(call)).toBeUndefined();
  // There from the moment at which a message has been written, for those behind it.
  await eventually(() => clientSendStream(call) !== undefined);
  const sending = clientSendStream(call);
  expect(sending?.writable).toBe(true);
  await eventually(() => messages.length === 1);
  const stream = clientStream(call);
  expect([stream?.isPaused(), stream?.listenerCount('data')]).toEqual([true, 1]);
  expect(server).toEqual([true, 1, true]);
});

test('tells the headers of an answer before it reads what is behind them, unless that is packed (grpc-internals.ts)', async () => {
  const { port } = await serve(echoing());
  const call = channelTo(`127.0.0.1:${String(port)}`).createCall(path, Infinity, null, null, null);
  const found = await new Promise((resolve) => {
    call.start(new Metadata(), {
      onReceiveMetadata: () => {
        const stream = clientReadStream(call);
        const filters = Reflect.get(call, 'filterStack') as { filters: object[] };
        for (const filter of filters.filters) Reflect.set(filter, 'receiveCompression', {});
        resolve([stream?.readableLength, clientReadStream(call)]);
      },
      onReceiveMessage: () => undefined,
      onReceiveStatus: () => undefined,
    });
    call.sendMessageWithContext({}, Buffer.from('hello'));
    call.halfClose();
  });
  expect(found).toEqual([0, undefined]);
});
