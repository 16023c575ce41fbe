import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { ConnectionInjector } from '@grpc/grpc-js';
import type { Identity } from '../../identity/identity.ts';
import type { Clock } from '../../kernel/clock.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { createSecureServer } from '../mtls/secure-server.ts';
import { claimSocket } from './unix-socket.ts';

/** Listening sockets whose connections grpc-js serves. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** The Unix socket, if there is one. */
  readonly unix: string | undefined;
  /** Connections that are open now. */
  readonly connections: number;
  /** Resolves when every connection that is open now has been closed, by whoever does it. */
  emptied(): Promise<void>;
  /** Stops listening and destroys every connection; resolves when all of them are closed. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** The absolute path of a Unix socket to listen on as well. */
  readonly unix: string | undefined;
  readonly injector: ConnectionInjector;
  readonly clock: Clock;
  readonly log: Log;
  /** Who the server is; undefined: without TLS. */
  readonly identity: Identity | undefined;
  /** How long a connection may take to send the HTTP/2 preface, in ms. */
  readonly handshakeTimeoutMs: number;
}

/** The client preface and the header of its SETTINGS frame (RFC 9113, 3.4): before that nobody speaks HTTP/2. */
const prefaceBytes = 24 + 9;

/**
 * Listens, and hands connections to grpc-js through its connection injector. grpc-js could listen itself,
 * but then sockets that never speak stay open for ever (keepalive begins with the session), and its
 * forceShutdown with channelz switched off destroys no connection at all. The connections of the Unix socket
 * take the same way: there is no limit or check that they pass by.
 *
 * Throws UNAVAILABLE / CANNOT_LISTEN, naming the address, if port or socket cannot be had.
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, unix, clock } = options;
  const sockets = new Set<Socket>();
  if (unix !== undefined) await claimSocket(unix, clock);
  const tcp = await bind({ host, port }, `${host}:${String(port)}`, sockets, options);
  const servers = [tcp];
  try {
    if (unix !== undefined) servers.push(await bind({ path: unix }, unix, sockets, options));
  } catch (thrown) {
    await closed(tcp);
    throw thrown;
  }

  const bound = tcp.address();
  return {
    host,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    unix,
    get connections() {
      return sockets.size;
    },
    emptied: async () => {
      await Promise.all([...sockets].map(gone));
    },
    async close() {
      // Closing removes the file of the Unix socket too.
      const all = Promise.all(servers.map(closed));
      for (const socket of sockets) socket.destroy();
      await all;
    },
  };
}

/** A listening socket whose connections are in `sockets` while they are open. */
async function bind(
  where: ListenOptions,
  name: string,
  sockets: Set<Socket>,
  options: ListenerOptions,
): Promise<Server> {
  const { injector, clock, identity, log, handshakeTimeoutMs } = options;
  /** Serves a connection that has `leastBytes` in time. */
  const serve = (socket: Socket, leastBytes: number): void => {
    const stopWaiting = clock.after(handshakeTimeoutMs, () => {
      if (socket.bytesRead >= leastBytes) return;
      log.debug('connection closed: no HTTP/2 preface', { peer: socket.remoteAddress ?? name });
      socket.destroy();
    });
    socket.once('close', stopWaiting);
    injector.injectConnection(socket);
  };
  const server =
    identity === undefined
      ? createServer({ noDelay: true }, (socket) => {
          serve(socket, prefaceBytes);
        })
      : createSecureServer({
          ...{ identity, log, handshakeTimeoutMs },
          // The preface may have come with the end of the handshake; who speaks HTTP/2 then goes on to speak.
          onConnection: (socket) => {
            serve(socket, socket.bytesRead + 1);
          },
        });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(cannotListen(name, error));
    });
    server.listen(where, resolve);
  });
  server.on('error', (error) => {
    log.error('listening socket failed', { err: error });
  });
  return server;
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

function cannotListen(name: string, error: unknown): MeshError {
  return new MeshError(
    `cannot listen on ${name}: ${describe(error)}; choose another port, or 0 for a free one`,
    { status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN', cause: error },
  );
}
