import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../kernel/clock.ts';
import { describe, MeshError } from '../kernel/error.ts';
import type { Incoming, Outgoing } from './incoming.ts';
import type { EdgeLimits } from './limits.ts';
import { createSessions } from './sessions.ts';

/** Files in PEM; the chain of the certificate with the leaf first. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: HTTP/1.1 without TLS. */
  readonly tls: TlsFiles | undefined;
  readonly limits: EdgeLimits;
  readonly clock: Clock;
  readonly onRequest: (incoming: Incoming, outgoing: Outgoing) => void;
  readonly onUpgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** The sockets of the edge. */
export interface Listener {
  /** Listens; throws UNAVAILABLE / CANNOT_LISTEN, or INVALID_ARGUMENT for files that are no certificate. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes no new connection, ends idle ones, waits for requests, and cuts off what is left after the grace. */
  close(): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  const { host, port, limits, clock, onRequest, onUpgrade } = options;
  const server = newServer(options);
  server.maxConnections = limits.connections;
  const connections = track(server, options);
  const drain = createDrain(server);
  server.on('request', (incoming: Incoming, outgoing: Outgoing) => {
    connections.fresh.delete(incoming.socket);
    if ('stream' in outgoing) {
      // In a later turn: what was taken back in the same breath shall cost nothing (CVE-2023-44487).
      setImmediate(() => {
        if (!outgoing.stream.closed && !outgoing.stream.destroyed) onRequest(incoming, outgoing);
      });
      return;
    }
    drain.answering(outgoing);
    onRequest(incoming, outgoing);
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    connections.fresh.delete(incoming.socket);
    onUpgrade(incoming, socket, head);
  });
  // What is no HTTP, or too slow to become it, is answered and closed by Node; nobody here needs to know.
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    refuse(socket, error.code);
  });
  return {
    async start() {
      await listening(server, host, port);
      // After 'listening' a server of a host and a port has such an address.
      return { host, port: (server.address() as AddressInfo).port };
    },
    async close() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      connections.leave();
      drain.leave();
      const stop = clock.after(limits.drainMs, () => {
        for (const socket of connections.all) socket.destroy();
      });
      await closed;
      stop();
    },
  };
}

interface Connections {
  readonly all: ReadonlySet<Socket>;
  /** Those on which nothing was asked yet; Node does not count them as idle, and would wait for them. */
  readonly fresh: Set<Socket>;
  /** Ends all on which nobody waits, and those that come later. */
  leave(): void;
}

function track(
  server: Server | Http2SecureServer,
  { tls, limits, clock }: Pick<ListenerOptions, 'tls' | 'limits' | 'clock'>,
): Connections {
  const all = new Set<Socket>();
  const fresh = new Set<Socket>();
  const sessions = createSessions({ limits, clock });
  // A handshake may end after the edge has begun to leave.
  let leaving = false;
  const greet = (socket: Socket): void => {
    if (leaving) socket.destroy();
    fresh.add(socket);
    socket.once('close', () => fresh.delete(socket));
  };
  server.on('connection', (socket: Socket) => {
    all.add(socket);
    socket.once('close', () => all.delete(socket));
    if (tls === undefined) greet(socket);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    // What speaks HTTP/2 is a session, which knows by itself when it has ended.
    if (socket.alpnProtocol !== 'h2') greet(socket);
  });
  server.on('session', sessions.take);
  return {
    ...{ all, fresh },
    leave() {
      leaving = true;
      sessions.leave();
      for (const socket of fresh) socket.destroy();
    },
  };
}

/** Answers of HTTP/1.1, each the last one on its connection once the edge leaves. */
function createDrain(server: Server | Http2SecureServer): {
  answering(outgoing: ServerResponse): void;
  leave(): void;
} {
  const under = new Set<ServerResponse>();
  let leaving = false;
  const closeIdle = (): void => {
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  };
  return {
    answering(outgoing) {
      under.add(outgoing);
      if (leaving) outgoing.shouldKeepAlive = false;
      outgoing.once('close', () => {
        under.delete(outgoing);
        // An answer that had begun before could not say that it is the last.
        if (leaving) setImmediate(closeIdle);
      });
    },
    leave() {
      leaving = true;
      for (const outgoing of under) outgoing.shouldKeepAlive = false;
      closeIdle();
    },
  };
}

function newServer({ tls, limits }: ListenerOptions): Server | Http2SecureServer {
  const http = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.idleTimeoutMs,
    maxHeaderSize: limits.headerBytes,
    // How often Node looks for connections that are too slow: its default of 30 s triples every limit.
    connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
  };
  if (tls === undefined) return createServer(http);
  return createSecureServer({
    ...http,
    cert: pem(tls.certFile),
    key: pem(tls.keyFile),
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headersTimeoutMs,
    allowHTTP1: true,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // A client that takes back what it asks is not bounded by `maxConcurrentStreams` (CVE-2023-44487).
    ...{ streamResetBurst: 2 * limits.streams, streamResetRate: limits.streams },
    settings: { maxConcurrentStreams: limits.streams, maxHeaderListSize: limits.headerBytes },
  });
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new MeshError(`the edge cannot read ${file}: ${describe(cause)}; name a file in PEM`, {
      ...{ status: 'INVALID_ARGUMENT', reason: 'INVALID_CERTIFICATE', cause },
    });
  }
}

function listening(server: Server | Http2SecureServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const at = `${host}:${String(port)}`;
      reject(
        new MeshError(
          `the edge cannot listen at ${at}: ${describe(cause)}; use another port, or 0 for any`,
          { status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN', cause },
        ),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function refuse(socket: Duplex, code = ''): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  socket.end(
    `HTTP/1.1 ${refusals[code] ?? '400 Bad Request'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  );
}
