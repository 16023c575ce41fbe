import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findTool } from '../cli/tools/find.ts';

/** How a command of the CLI ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A checkout of an adopter, with services of their own, in which `weft` is run as they would run it. */
export interface TestCheckout {
  readonly root: string;
  /** Runs `weft <args>` in it. */
  weft(...args: string[]): Promise<Ended>;
  write(path: string, text: string): void;
  read(path: string): string;
  /** Stops what runs and removes the folder. */
  close(): Promise<void>;
}

const cli = join(import.meta.dirname, '..', 'cli', 'main.ts');

/** Writes `files` into a new folder; the real binaries of this checkout serve there as well. */
export async function createCheckout(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<TestCheckout> {
  const root = mkdtempSync(join(tmpdir(), 'weft-up-'));
  const [consul, nats] = await Promise.all([findTool('consul'), findTool('nats-server')]);
  const variables = {
    ...process.env,
    WEFT_CONSUL: consul.path,
    WEFT_NATS_SERVER: nats.path,
    NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
    ...env,
  };
  const checkout: TestCheckout = {
    root,
    weft: (...args) => run([cli, ...args], { cwd: root, env: variables }),
    write(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    async close() {
      await checkout.weft('down');
      rmSync(root, { recursive: true, force: true });
    },
  };
  for (const [path, text] of Object.entries(files)) checkout.write(path, text);
  return checkout;
}

function run(
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/**
 * A service without gRPC, small enough to write into a checkout: it registers itself in Consul under
 * INSTANCE_ID, and leaves on SIGTERM.
 */
export const toyService = `
import { createServer } from 'node:net';
const { HOST, PORT, INSTANCE_ID, MESH_CONSUL } = process.env;
const agent = MESH_CONSUL + '/v1/agent/service';
const server = createServer((socket) => socket.end());
server.listen(Number(PORT), HOST, async () => {
  const { port } = server.address();
  await fetch(agent + '/register', {
    method: 'PUT',
    body: JSON.stringify({
      ID: INSTANCE_ID,
      Name: INSTANCE_ID.replace(/-\\d+$/, ''),
      Address: HOST,
      Port: port,
      Check: { TCP: HOST + ':' + port, Interval: '1s', Status: 'passing' },
    }),
  });
  console.log('serving on', port);
});
process.once('SIGTERM', async () => {
  await fetch(agent + '/deregister/' + INSTANCE_ID, { method: 'PUT' });
  console.log('drained');
  process.exit(0);
});
`;
