import { mkdtemp } from 'node:fs/promises';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daemon, startDaemon } from './daemon.ts';
import { freePort } from './ports.ts';

export interface HealthServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * The least that Consul's gRPC check needs: every call is answered with a HealthCheckResponse SERVING. Plain
 * HTTP/2, so that discovery is tested below the floor where weft's own server is.
 */
export async function serveHealth(port = 0): Promise<HealthServer> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.once('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': '0' });
    });
    // Not compressed, two bytes: field 1, SERVING.
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
}

/** The same in a process of its own, to be killed and started again on the same port. */
export async function startHealthProcess(): Promise<Daemon & { readonly port: number }> {
  const port = await freePort();
  const code = `import { serveHealth } from '${import.meta.url}'; await serveHealth(${port});`;
  const daemon = await startDaemon({
    command: process.execPath,
    args: ['--input-type=module', '-e', code],
    folder: await mkdtemp(join(tmpdir(), 'weft-health-')),
    ready: () => canConnect(port),
  });
  return Object.assign(daemon, { port });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
