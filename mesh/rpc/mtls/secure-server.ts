import type { Server } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Identity } from '../../identity/identity.ts';
import { describe } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { tlsOptions } from './context.ts';
import { markPeer } from './peer.ts';

export interface SecureServerOptions {
  readonly identity: Identity;
  readonly log: Log;
  /** How long a handshake may take, in ms. */
  readonly handshakeTimeoutMs: number;
  /** Gets each connection whose handshake is done and that will speak HTTP/2. */
  readonly onConnection: (socket: TLSSocket) => void;
}

/**
 * A listening socket for TLS alone: what does not begin with a handshake is closed. Every caller is asked for a
 * certificate. Who shows none, or one that is not believed, is let in to hear exactly that: each call is refused
 * with the reason (gate.ts), where the end of a connection would say nothing. The one thing that they may do is
 * to ask for health, as Consul's agent does, which has no certificate to show.
 *
 * The handshake is Node's own and not grpc-js's, whose certificate providers are experimental: connections come to
 * it by its injector either way.
 */
export function createSecureServer(options: SecureServerOptions): Server {
  const { identity, log, handshakeTimeoutMs, onConnection } = options;
  const server = createServer({
    ...tlsOptions(identity.credentials),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: handshakeTimeoutMs,
    noDelay: true,
  });
  const refuse = (socket: TLSSocket, why: string): void => {
    log.debug('connection closed: no TLS for gRPC', { peer: socket.remoteAddress ?? 'unix', why });
    socket.destroy();
  };
  server.on('tlsClientError', (error, socket) => {
    refuse(socket, describe(error));
  });
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol !== 'h2') {
      refuse(socket, 'HTTP/2 was not agreed on (ALPN h2)');
      return;
    }
    const peer = markPeer(socket, identity.credentials.leaf.id);
    if ('refusal' in peer && peer.refusal.reason !== 'NO_CERTIFICATE') {
      log.warn('a certificate was refused', {
        peer: socket.remoteAddress ?? 'unix',
        why: peer.refusal.rawMessage,
      });
    }
    onConnection(socket);
  });
  const forget = identity.onChange(() => {
    server.setSecureContext(tlsOptions(identity.credentials));
  });
  server.once('close', forget);
  return server;
}
