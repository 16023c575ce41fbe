import { connect, createServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, expect, test } from '@jest/globals';
import { eventually } from '../testing/eventually.ts';
import { begin, closeAll, closing, inert, intercepted, path, serve } from './bare-grpc.ts';
import { widenWindow } from './grpc-internals.ts';
import { createPlainTransport } from './plain/transport.ts';
import { windowBytes } from './window.ts';

afterEach(closeAll);

/** What the other side of `session` may send before it has to wait; both of HTTP/2's bounds. */
function boundsOf(session: Http2Session) {
  return {
    aStream: session.remoteSettings.initialWindowSize,
    allStreams: session.state.remoteWindowSize ?? 0,
  };
}

test('a connection that a server widens takes more than HTTP/2 begins with, on each stream and on all', async () => {
  const grpc = intercepted((_name, call) => {
    widenWindow(call, windowBytes);
    return inert(call);
  });
  const { port } = await serve(grpc);
  const session = connect(`http://127.0.0.1:${String(port)}`);
  closing.push(() => {
    session.destroy();
  });
  session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  await eventually(() => boundsOf(session).allStreams >= windowBytes);
  expect(boundsOf(session)).toEqual({ aStream: windowBytes, allStreams: windowBytes });
});

test('a client lets servers send as much', async () => {
  const sessions: Http2Session[] = [];
  const server = createServer().on('session', (session) => sessions.push(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const endpoint = { service: 'shop', instanceId: 'shop-1', host: '127.0.0.1', port, metadata: {} };
  const connection = createPlainTransport().open(endpoint);
  closing.push(() => connection.close());
  const { channel, back } = connection.borrow();
  closing.push(back);
  const { call } = begin(channel);
  await eventually(() => sessions.some((each) => boundsOf(each).allStreams >= windowBytes));
  expect(sessions.map((each) => boundsOf(each).aStream)).toEqual([windowBytes]);
  call.cancelWithStatus(status.CANCELLED, 'seen');
  for (const session of sessions) session.destroy();
});
