import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { MetricsRegistry } from './registry.ts';

/**
 * GET /metrics of one process, for Prometheus or a collector. A server of its own and not a path of the gRPC
 * port: that one speaks HTTP/2 with peers only. It is as small as can be, because it stands in every process:
 * one path, no body, one request a connection, a handful of connections.
 */
export interface MetricsServer extends Closeable {
  readonly host: string;
  /** The port that it really has. */
  readonly port: number;
}

export interface MetricsServerOptions {
  readonly registry: Pick<MetricsRegistry, 'expose'>;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
}

/** A scraper has one connection; a few scrapers and a person make a handful. */
const maxConnections = 16;
/** A request that is not here by then has no good end, in ms. */
const requestMs = 5_000;

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Listens; throws UNAVAILABLE / CANNOT_LISTEN when it may not. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { registry, host = '127.0.0.1', port = 0 } = options;
  const server = createServer(
    {
      ...{ requestTimeout: requestMs, headersTimeout: requestMs, maxHeaderSize: 8_192 },
      ...{ connectionsCheckingInterval: requestMs, keepAlive: false },
    },
    (request, response) => {
      answer(request, response, registry);
    },
  );
  server.maxConnections = maxConnections;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new MeshError(
      `metrics cannot listen at ${host}:${String(port)}: ${describe(cause)}; use another port, or 0 for any`,
      { status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN', cause },
    );
  }
  // Metrics alone are no reason for a process to live on.
  server.unref();
  // After 'listening' a server of a host and a port has such an address.
  const address = server.address() as AddressInfo;
  return {
    host,
    port: address.port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  registry: Pick<MetricsRegistry, 'expose'>,
): void {
  // A body that nobody reads would hold the connection open.
  request.resume();
  response.setHeader('connection', 'close');
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== '/metrics') {
    say(response, 404, 'GET /metrics is all there is here\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    say(response, 405, 'only GET and HEAD\n');
  } else {
    response.setHeader('content-type', contentType);
    say(response, 200, registry.expose());
  }
}

/** With its length, so that whoever reads half of it knows. Node leaves the body out of a HEAD by itself. */
function say(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(text);
}
