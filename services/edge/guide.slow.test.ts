/**
 * The shop with its gateway as `make up STORY=edge` runs it: processes, a real Consul and a real nats-server. Every
 * command of docs/guides/edge.md is run against it, and says what the guide says that it says.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSocketClient, type Frame } from '#mesh/edge';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { askEdge, testSecret, testTokens, tokenFor } from '../../mesh/testing/edge-rig.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { freePort } from '../../mesh/testing/ports.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

const root = join(import.meta.dirname, '../..');
const node = 'node --disable-warning=ExperimentalWarning';
const programs = [
  ...['inventory', 'payments', 'orders', 'warehouse', 'notifications'].map(
    (name) => `services/shop/${name}/main.ts`,
  ),
  'services/edge/gateway/main.ts',
];

/** Whoever brings a token is known; the commands of the guide bring none. */
const tokenSettings = {
  ...{ EDGE_ISSUER: testTokens.issuer, EDGE_AUDIENCE: testTokens.audience },
  ...{ EDGE_JWT_SECRET: testSecret, EDGE_ANONYMOUS: '1' },
};

let folder: string;
let consul: ConsulServer;
let nats: NatsServer;
let address: string;
const processes: ServiceProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-edge-'));
  [consul, nats] = await Promise.all([startConsul(), startNats()]);
  const port = await freePort();
  address = `http://127.0.0.1:${String(port)}`;
  for (const program of programs) {
    const name = program.split('/').at(-2) ?? '';
    const env = {
      ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, EDGE_PORT: String(port) },
      ...tokenSettings,
      STORE: `sqlite:${join(folder, `${name}.db`)}`,
    };
    processes.push(startServiceProcess(join(root, program), env));
  }
  const isTold = async (): Promise<boolean> => {
    const { at } = await place('first-0001');
    const told = await askEdge(`${address}/v1/orders/${String(at('orderId'))}/notifications`);
    return told.at('notifications.0.text') !== undefined;
  };
  await eventually(() => isTold().catch(() => false), { withinMs: 90_000, everyMs: 300 });
}, 120_000);

afterAll(async () => {
  await Promise.all(processes.map((process) => process.close()));
  await Promise.all([consul.close(), nats.close()]);
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function place(key: string, customerId = 'ada'): ReturnType<typeof askEdge> {
  const lines = [{ sku: 'TEA-GREEN', quantity: 1 }];
  const headers = { 'idempotency-key': key };
  const json = { customerId, lines, cardToken: 'tok_visa' };
  return askEdge(`${address}/v1/orders`, { method: 'POST', headers, json });
}

/** Who runs the commands: curl, where the machine has it, and always what says the same without it. */
const curls: readonly (readonly [by: string, definition: string])[] = [
  ['a stand-in for curl', `curl() { ${node} ${root}/mesh/testing/curl.ts "$@"; }`],
  ...(spawnSync('curl', ['--version']).error === undefined ? [['curl', ''] as const] : []),
];

describe('docs/guides/edge.md', () => {
  test.each(curls)(
    'each command says what the guide says, run by %s',
    async (_, curl) => {
      const guide = readFileSync(join(root, 'docs/guides/edge.md'), 'utf8');
      const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
      const lines = blocks.join('').split('\n');
      const script = lines.map((line, i) => {
        const expected = lines[i + 1]?.startsWith('# => ') === true;
        if (line.startsWith('EDGE=')) return `EDGE=${address}`;
        return expected ? `echo "@@${String(i)}"; ${line} || true; echo` : line;
      });
      const weft = `weft() { ${node} ${root}/mesh/cli/main.ts "$@"; }`;
      const env = { ...process.env, MESH_CONSUL: consul.address };
      const run = promisify(execFile);
      const { stdout } = await run('bash', ['-c', [weft, curl, ...script].join('\n')], { env });
      const said = new Map(
        stdout.split('@@').map((part): [number, string] => {
          const end = part.indexOf('\n');
          return [Number(part.slice(0, end)), part.slice(end + 1)];
        }),
      );
      const expectations = lines.flatMap((line, i) =>
        line.startsWith('# => ') ? [{ command: lines[i - 1], i: i - 1, text: line.slice(5) }] : [],
      );
      expect(expectations.length).toBeGreaterThan(15);
      for (const { command, i, text } of expectations) {
        const answer = said.get(i) ?? '';
        expect({ command, answer, says: answer.includes(text) }).toMatchObject({ says: true });
      }
    },
    120_000,
  );

  test('who is connected is told of an order, and a client that comes back of what it missed', async () => {
    const frames: Frame[] = [];
    const client = createSocketClient({
      address: () => `${address.replace('http', 'ws')}/v1/topics`,
      protocols: ['weft.v1', `bearer.${tokenFor('grace')}`],
      onFrame: (frame) => void frames.push(frame),
    });
    try {
      const filter = { fields: { customerId: 'grace' } };
      await client.request({ type: 'subscribe', topic: 'orders', filter });
      const first = await place('grace-0001', 'grace');
      await eventually(() => frames.some((frame) => frame['key'] === first.at('orderId')), {
        withinMs: 20_000,
      });
      const after = frames.find((frame) => frame.type === 'event')?.['sequence'];
      client.drop();
      const missed = await place('grace-0002', 'grace');
      await client.request({ type: 'subscribe', topic: 'orders', filter, after });
      await eventually(() => frames.some((frame) => frame['key'] === missed.at('orderId')), {
        withinMs: 20_000,
      });
    } finally {
      await client.close();
    }
  }, 60_000);
});
