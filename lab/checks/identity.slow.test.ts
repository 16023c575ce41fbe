import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findTool } from '../../mesh/cli/tools/find.ts';
import { createCheckout, type TestCheckout } from '../../mesh/testing/checkout.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type Finished, run } from './command.ts';

/** docs/guides/identity.md as its reader takes it: the shop in a folder of its own, each command run, in order. */
const repository = join(import.meta.dirname, '../..');
const guide = readFileSync(join(repository, 'docs/guides/identity.md'), 'utf8');
const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, code = '']) =>
  code.trim().split('\n'),
);
const portBase = 28_000 + (process.pid % 40) * 100;
/** An order that is tried anew takes another key: with the one of before it would be the same order. */
let attempt = 0;
let checkout: TestCheckout;
let environment: Record<string, string>;

beforeAll(async () => {
  const weftYaml = readFileSync(join(repository, 'deploy/weft.yaml'), 'utf8');
  checkout = await createCheckout({ 'deploy/weft.yaml': weftYaml });
  symlinkSync(join(repository, 'services'), join(checkout.root, 'services'));
  const [consul, nats] = await Promise.all([findTool('consul'), findTool('nats-server')]);
  environment = {
    ...{ PORT_BASE: String(portBase), CLI: join(repository, 'mesh/cli/main.ts') },
    ...{ WEFT_CONSUL: consul.path, WEFT_NATS_SERVER: nats.path },
    NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
  };
}, 60_000);
afterAll(() => checkout.close(), 60_000);

/** What the reader has installed, as functions of the shell. */
const installed = `
npx() { shift; node "$CLI" "$@"; }
make() { node "$CLI" "$@"; }
consul() { "$WEFT_CONSUL" "$@"; }
`;

function shell(line: string): Promise<Finished> {
  const own = line
    .replace(/"identity-(\d)"/, `"identity-$1-attempt-${String(attempt)}"`)
    .replace('127.0.0.1:7150', `127.0.0.1:${String(portBase + 50)}`);
  const [, name, value] = /^export (\w+)=(\S+)$/.exec(own) ?? [];
  if (name !== undefined && value !== undefined) environment[name] = value;
  return run(checkout.root, ['bash', '-c', `${installed}${own}`], environment);
}

/** Runs a block but for its last line, which asks the mesh what has come of it; gives that. */
async function told(number: number): Promise<() => Promise<Finished>> {
  const lines = blocks[number] ?? [];
  const last = lines.at(-1) ?? '';
  expect(last).toMatch(/^npx weft /);
  for (const line of lines.slice(0, -1)) await succeeds(line);
  return () => shell(last);
}

async function succeeds(line: string): Promise<string> {
  const { code, stdout, stderr } = await shell(line);
  expect({ line, code, stderr: code === 0 || stderr }).toEqual({ line, code: 0, stderr: true });
  return stdout;
}

/** Until an order stands: an intention is there in milliseconds, but it is not there at once. */
function stands(order: () => Promise<Finished>): Promise<boolean> {
  return eventually(async () => (await order()).stdout.includes('ORDER_STATUS_CONFIRMED'), {
    withinMs: 20_000,
  });
}

test('a shop with identities sells, heeds intentions as they change, and answers the commands of weft', async () => {
  expect(blocks).toHaveLength(5);
  const order = await told(0);
  expect((await order()).stdout).toContain('ORDER_STATUS_CONFIRMED');

  const forbidden = await told(1);
  const refused = await eventually(
    async () => {
      attempt++;
      const finished = await forbidden();
      if (finished.code === 0) throw new Error('it is not forbidden yet');
      return finished;
    },
    { withinMs: 20_000 },
  );
  expect(refused.stderr).toMatch(
    /orders may not call \S+\/Charge of payments: the intention orders -> payments denies it; to allow it: consul intention create -replace -allow orders payments/,
  );

  await stands(await told(2));
  await stands(await told(3));

  let tapped: string | undefined;
  const tap = succeeds('npx weft tap payments -n 1 --for 60s').then((line) => (tapped = line));
  await eventually(
    async () => {
      attempt++;
      await order();
      return tapped !== undefined;
    },
    { withinMs: 40_000 },
  );
  expect(await tap).toMatch(/orders-1 → payments-1 +PaymentsService\/Charge +OK/);

  for (const line of blocks[4] ?? []) {
    const { code, stdout, stderr } = await shell(line);
    expect({ line, code, stderr }).toMatchObject({ line, code: 0 });
    expect(stdout + stderr).not.toContain('no answer');
  }
}, 240_000);

test('what make up prints can be pasted into a mesh with identities, and a mesh does not change them under way', async () => {
  const printed = await succeeds('IDENTITY=consul make up');
  expect(printed).toContain('Identities  all calls are mutual TLS');
  const [, pasted = ''] = /^ {2}(npx weft call .*GetStock .*)$/m.exec(printed) ?? [];
  expect(JSON.parse(await succeeds(pasted))).toHaveProperty('item.sku', 'TEA-GREEN');
  const address = `localhost:${String(portBase + 2)}`;
  await succeeds(pasted.replace('weft call', `weft call -a ${address}`));
  const changed = await shell('IDENTITY=off make up');
  expect(changed).toMatchObject({ code: 1 });
  expect(changed.stderr).toContain(
    'runs with IDENTITY=consul; weft down, then IDENTITY=off weft up',
  );
}, 120_000);
