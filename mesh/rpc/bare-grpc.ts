import { type ClientHttp2Stream, connect } from 'node:http2';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import {
  Channel,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerInterceptor,
  type StatusObject,
  status,
} from '@grpc/grpc-js';

/** grpc-js with nothing of weft above it: a server of one method, and calls one floor below the stubs. */

export const path = '/surface.Echo/Say';
export const same = (bytes: Buffer): Buffer => bytes;
/** Closes what was opened, the last first, after each test. */
export const closing: (() => unknown)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export type Intercept = (name: string, call: Parameters<ServerInterceptor>[1]) => unknown;

/** A bare grpc-js server behind a listening socket of our own. */
export async function serve(grpc: Server): Promise<{ port: number; listener: NetServer }> {
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer((socket) => {
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    injector.destroy();
    grpc.forceShutdown();
    listener.close();
  });
  return { port: (listener.address() as AddressInfo).port, listener };
}

export function intercepted(intercept: Intercept): Server {
  const interceptor = ({ path: name }: { path: string }, call: Parameters<Intercept>[1]): unknown =>
    intercept(name, call);
  const grpc = new Server({ interceptors: [interceptor as ServerInterceptor] });
  grpc.register(path, () => undefined, same, same, 'unary');
  return grpc;
}

export function channelTo(target: string, options = {}): Channel {
  const channel = new Channel(target, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  });
  closing.push(() => {
    channel.close();
  });
  return channel;
}

export interface Told {
  readonly events: string[];
  readonly messages: Buffer[];
  readonly ended: Promise<StatusObject>;
  readonly call: ReturnType<Channel['createCall']>;
}

export function begin(channel: Channel, deadline = Number.POSITIVE_INFINITY): Told {
  const events: string[] = [];
  const messages: Buffer[] = [];
  const call = channel.createCall(path, deadline, null, null, null);
  const ended = new Promise<StatusObject>((resolve) => {
    call.start(new Metadata(), {
      onReceiveMetadata: () => events.push('header'),
      onReceiveMessage: (message: Buffer) => {
        events.push('message');
        messages.push(message);
      },
      onReceiveStatus: (end) => {
        events.push('status');
        resolve(end);
      },
    });
  });
  return { events, messages, ended, call };
}

/** Echoes by the interface of interceptors; message and status at once. */
export function echoing(): Server {
  return intercepted((_name, call) => {
    const received: Buffer[] = [];
    call.start({
      onReceiveMetadata: () => call.startRead(),
      onReceiveMessage(message: Buffer) {
        received.push(message);
        call.startRead();
      },
      onReceiveHalfClose() {
        for (const message of received) call.sendMessage(message, () => undefined);
        call.sendStatus({ code: status.OK, details: 'OK', metadata: null });
      },
      onCancel: () => undefined,
    });
    return inert(call);
  });
}

/** What weft returns for a call that it serves itself: grpc-js starts it, and nothing may come of that. */
export function inert(call: Parameters<Intercept>[1]): Parameters<Intercept>[1] {
  const copy = Object.create(call) as Parameters<Intercept>[1];
  copy.start = () => undefined;
  return copy;
}

/** A call in the hand of a test, byte by byte: its stream, with the headers sent. */
export function rawCall(port: number): ClientHttp2Stream {
  const session = connect(`http://127.0.0.1:${String(port)}`);
  closing.push(() => {
    session.destroy();
  });
  return session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
  });
}
