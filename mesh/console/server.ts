import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, MeshError } from '../kernel/error.ts';
import { type Asset, readAssets } from './assets.ts';
import type { Feed } from './feed.ts';
import { errorPage, meshPage } from './views/page.ts';

export interface ConsoleServerOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly feed: Feed;
  /** The page of one trace. */
  readonly trace: (traceId: string) => Promise<string>;
}

/** Only this machine: what the console shows is for whoever may see the mesh from within. */
const host = '127.0.0.1';
/** A name that leads here by somebody else's DNS is refused: that page could read this one (DNS rebinding). */
const ownNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** A few people with a few tabs each; what a page needs comes over further connections, which end. */
const most = { connections: 128, viewers: 32 };
/** What may wait for a reader who is behind, in bytes; then looks are left out for that one. */
const mostWaiting = 1_000_000;

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

const page = 'text/html; charset=utf-8';

/** The HTTP server of the console. */
export interface ConsoleServer {
  /** As "http://127.0.0.1:7170/". */
  readonly url: string;
  close(): Promise<void>;
}

/** Listens; throws UNAVAILABLE / CANNOT_LISTEN when it may not. */
export async function startConsoleServer(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const { port } = options;
  const assets = readAssets();
  const viewers = new Set<ServerResponse>();
  const limits = { requestTimeout: 5_000, headersTimeout: 5_000, maxHeaderSize: 16_384 };
  const server = createServer(limits, (request, response) => {
    // A body that nobody reads would hold the connection open.
    request.resume();
    void answer(request, response, { ...options, assets, viewers }).catch((thrown: unknown) => {
      if (response.headersSent) response.destroy();
      else say(response, 500, errorPage('That went wrong', MeshError.from(thrown).rawMessage));
    });
  });
  server.maxConnections = most.connections;
  await listening(server, port);
  // After 'listening' a server of a host and a port has such an address.
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host}:${String(address.port)}/`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const viewer of viewers) viewer.end();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listening(server: Server, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new MeshError(
      `the console cannot listen at ${host}:${String(port)}: ${describe(cause)}; say another --port, or 0 for any`,
      { status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN', cause },
    );
  }
}

interface Answering extends ConsoleServerOptions {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly viewers: Set<ServerResponse>;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { feed, trace, assets, viewers }: Answering,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (!isOwn(request.headers.host)) {
    say(response, 421, errorPage('Not here', 'This console answers at 127.0.0.1 and localhost.'));
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    say(response, 405, errorPage('Only looking', 'The console changes nothing: GET and HEAD.'));
    return;
  }
  const [path = '/'] = (request.url ?? '/').split('?', 1);
  const asset = assets.get(path);
  if (asset !== undefined) say(response, 200, asset.body, asset.type);
  else if (path === '/live') live(request, response, { feed, viewers });
  else if (path === '/healthz') say(response, 200, 'ok\n', 'text/plain');
  else await show(path, response, { feed, trace });
}

/** The pages that people read. */
async function show(
  path: string,
  response: ServerResponse,
  { feed, trace }: Pick<Answering, 'feed' | 'trace'>,
): Promise<void> {
  const [, traceId] = /^\/traces\/([0-9a-f]{32})$/.exec(path) ?? [];
  if (path === '/') say(response, 200, meshPage(await feed.now()));
  else if (traceId !== undefined) say(response, 200, await trace(traceId));
  else say(response, 404, errorPage('Not here', 'There is nothing at this address.'));
}

/** Whether the Host header names this machine; the port is not looked at, because a tunnel may have another. */
function isOwn(header: string | undefined): boolean {
  return header !== undefined && ownNames.has(header.toLowerCase().replace(/:\d{1,5}$/, ''));
}

/** Server-sent events: each look, as the parts of the page that changed. */
function live(
  request: IncomingMessage,
  response: ServerResponse,
  { feed, viewers }: Pick<Answering, 'feed' | 'viewers'>,
): void {
  if (viewers.size >= most.viewers) {
    say(response, 503, 'too many are looking\n', 'text/plain');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  // The browser begins anew after this many ms.
  response.write('retry: 1000\n\n');
  viewers.add(response);
  const leave = feed.watch((changed) => {
    if (response.writableLength > mostWaiting) return false;
    response.write(`data: ${JSON.stringify(changed)}\n\n`);
    return true;
  });
  response.once('close', () => {
    viewers.delete(response);
    leave();
  });
}

/** Node leaves the body out of a HEAD by itself. */
function say(response: ServerResponse, status: number, body: string | Buffer, type = page): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
