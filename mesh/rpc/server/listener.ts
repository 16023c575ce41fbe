import { createServer, type Socket } from 'node:net';
import type { ConnectionInjector } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';

/** A listening socket whose connections grpc-js serves. */
export interface Listener {
  readonly host: string;
  readonly port: number;
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
  readonly injector: ConnectionInjector;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a connection may take to send the HTTP/2 preface, in ms. */
  readonly handshakeTimeoutMs: number;
}

/** The client preface and the header of its SETTINGS frame (RFC 9113, 3.4): before that nobody speaks HTTP/2. */
const prefaceBytes = 24 + 9;

/**
 * Listens, and hands connections to grpc-js through its connection injector. grpc-js could listen itself,
 * but then sockets that never speak stay open for ever (keepalive begins with the session), and its
 * forceShutdown with channelz switched off destroys no connection at all.
 *
 * Throws UNAVAILABLE / CANNOT_LISTEN, naming the address, if the port cannot be had.
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, injector, clock, log, handshakeTimeoutMs } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const stopWaiting = clock.after(handshakeTimeoutMs, () => {
      if (socket.bytesRead >= prefaceBytes) return;
      log.debug('connection closed: no HTTP/2 preface', { peer: socket.remoteAddress ?? '' });
      socket.destroy();
    });
    socket.once('close', () => {
      stopWaiting();
      sockets.delete(socket);
    });
    injector.injectConnection(socket);
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(cannotListen(host, port, error));
    });
    server.listen({ host, port }, resolve);
  });
  server.on('error', (error) => {
    log.error('listening socket failed', { err: error });
  });

  const bound = server.address();
  return {
    host,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    get connections() {
      return sockets.size;
    },
    emptied: async () => {
      await Promise.all([...sockets].map(closed));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

function cannotListen(host: string, port: number, error: unknown): MeshError {
  return new MeshError(
    `cannot listen on ${host}:${String(port)}: ${describe(error)}; choose another port, or 0 for a free one`,
    { status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN', cause: error },
  );
}
