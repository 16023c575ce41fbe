import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../../mesh/testing/daemon.ts';
import { freePort } from '../../mesh/testing/ports.ts';
import { run } from '../checks/command.ts';
import { type Address, hostPort } from './contender.ts';
import { unpack } from './debian.ts';

const packages = [
  'haproxy',
  'liblua5.3-0',
  'libopentracing1',
  'libopentracing-c-wrapper0',
  'libpcre2-8-0',
];

/** A proxy beside the client and one beside each server, as a sidecar mesh has them; gRPC passes through. */
export interface ProxyPair {
  /** Where a client calls instead of the servers. */
  readonly address: Address;
  readonly version: string;
  /** CPU that both have used so far. */
  cpuUs(): number;
  close(): Promise<void>;
}

/**
 * Starts two HAProxy processes of one thread each: the first balances over the second's ports, one for each
 * server, and the second passes on to the server. HTTP/2 without TLS on every hop, connections kept.
 */
export async function startPair(servers: readonly Address[]): Promise<ProxyPair> {
  const { program, env } = await findHaproxy();
  const behind = await Promise.all(
    servers.map(async (server) => ({ server, port: await freePort() })),
  );
  const inward = behind.map(
    ({ server, port }) => `
listen to-${port}
  bind 127.0.0.1:${port} proto h2
  server only ${hostPort(server)} proto h2`,
  );
  const port = await freePort();
  const outward = `
frontend out
  bind 127.0.0.1:${port} proto h2
  default_backend all
backend all
  balance roundrobin
${behind.map((hop) => `  server s${hop.port} 127.0.0.1:${hop.port} proto h2`).join('\n')}`;
  const inner = await startHaproxy(program, env, inward.join('\n'));
  const outer = await startHaproxy(program, env, outward);
  const { stdout } = await run(tmpdir(), [program, '-v'], env);
  return {
    address: { host: '127.0.0.1', port, metadata: {} },
    version: stdout.split('\n')[0] ?? '',
    cpuUs: () => cpuUsOf(inner.pid) + cpuUsOf(outer.pid),
    async close() {
      await Promise.all([inner.close(), outer.close()]);
    },
  };
}

/** The machine's own, or Debian's package unpacked. */
async function findHaproxy(): Promise<{ program: string; env: Record<string, string> }> {
  const own = await run(tmpdir(), ['haproxy', '-v']);
  if (own.code === 0) return { program: 'haproxy', env: {} };
  const root = await unpack('haproxy', packages);
  const [triple = ''] = readdirSync(join(root, 'usr/lib')).filter((name) =>
    name.includes('-linux-'),
  );
  const env = { LD_LIBRARY_PATH: join(root, 'usr/lib', triple) };
  return { program: join(root, 'usr/sbin/haproxy'), env };
}

function startHaproxy(
  program: string,
  env: Readonly<Record<string, string>>,
  listeners: string,
): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const common = `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
`;
  writeFileSync(file, `${common}${listeners}\n`);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return startDaemon({
    command: 'env',
    args: [...variables, program, '-db', '-f', file],
    folder,
    // It listens before it runs its loop, and says nothing; having come as far as that is enough.
    ready: async (pid) =>
      cpuUsOf(pid) > 0 && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'haproxy\n',
  });
}

/** CPU time of all threads that a process has now. */
function cpuUsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) =>
      Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    )
    .reduce((sum, ns) => sum + ns / 1000, 0);
}
