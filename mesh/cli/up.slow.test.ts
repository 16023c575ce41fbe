import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { createCheckout, type TestCheckout, toyService } from '../testing/checkout.ts';
import { eventually } from '../testing/eventually.ts';
import { isFree } from './supervisor/ports.ts';
import { markOf } from './supervisor/process-table.ts';

const weftYaml = `
story: toy
services:
  front: { story: toy, run: toy.mjs, port: 1, calls: [back] }
  back: { story: toy, run: toy.mjs, port: 2 }
  plain: { story: toy, command: [node, plain.mjs], port: 3, ready: tcp, env: { GREETING: 'at \${port.back}' } }
  other: { story: other, run: toy.mjs }
examples:
  - { title: Say hello, service: front, method: toy.v1.ToyService/Hello, body: { name: you } }
next: [make demo]
`;
const plainServer = `
import { createServer } from 'node:net';
console.log('hello', process.env.GREETING);
createServer((socket) => socket.end()).listen(Number(process.env.PORT), process.env.HOST);
`;

const overviewShape = z.object({
  consul: z.url(),
  supervisorPid: z.number(),
  processes: z.array(
    z.object({
      id: z.string(),
      address: z.string().optional(),
      health: z.string(),
      pid: z.number().optional(),
      restarts: z.number(),
      lastExit: z.string().optional(),
    }),
  ),
});

/** Below the ports that other tests and outgoing connections take; by pid, so that a run beside has others. */
const portBase = 10_000 + (process.pid % 90) * 100;
const portOf = (offset: number): number => portBase + offset;

let checkout: TestCheckout;
beforeAll(async () => {
  checkout = await createCheckout(
    { 'deploy/weft.yaml': weftYaml, 'toy.mjs': toyService, 'plain.mjs': plainServer },
    { PORT_BASE: String(portBase) },
  );
}, 60_000);
afterAll(() => checkout.close(), 60_000);

async function ps() {
  const { stdout } = await checkout.weft('ps', '-o', 'json');
  return overviewShape.parse(JSON.parse(stdout));
}

async function processNamed(id: string) {
  const found = (await ps()).processes.find((process) => process.id === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
}

describe('a mesh of an adopter', () => {
  test('comes up with one command, which says where everything is and how to call it', async () => {
    const { code, stdout, stderr } = await checkout.weft('up');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`front +1 +127\\.0\\.0\\.1:${portOf(1)} +passing`));
    expect(stdout).toContain(`Consul UI  http://127.0.0.1:${portOf(50)}/ui`);
    expect(stdout).toContain(
      `grpcurl -plaintext -d '{"name":"you"}' 127.0.0.1:${portOf(1)} toy.v1.ToyService/Hello`,
    );
    expect(stdout).toContain(
      `npx buf curl --protocol grpc --http2-prior-knowledge -d '{"name":"you"}' http://127.0.0.1:${portOf(1)}/toy.v1.ToyService/Hello`,
    );
    expect(stdout).toMatch(/Go on:\n {2}make demo/);
    expect(stdout).not.toContain('other');
  });

  test('is left alone by a second up', async () => {
    const before = await ps();
    expect((await checkout.weft('up')).code).toBe(0);
    expect(await ps()).toMatchObject({
      processes: before.processes.map(({ id, pid }) => ({ id, pid })),
    });
  });

  test('is shown whole or by service, and a service that is none by what there is', async () => {
    const { stdout } = await checkout.weft('ps', 'back');
    expect(stdout).toMatch(/^back +1 /m);
    expect(stdout).not.toMatch(/^front/m);
    const { code, stderr } = await checkout.weft('ps', 'bakc');
    expect(code).toBe(1);
    expect(stderr).toMatch(/no process here is called "bakc"; these run: .*back/);
  });

  test('gives each process what weft.yaml says', () => {
    expect(checkout.read('.run/logs/plain-1.log')).toContain(`hello at ${portOf(2)}`);
  });

  test('grows and shrinks by --scale; the first instance keeps its port and its process', async () => {
    const first = await processNamed('back#1');
    expect((await checkout.weft('up', '--scale', 'back=3')).code).toBe(0);
    expect((await processNamed('back#3')).health).toBe('passing');
    expect(await processNamed('back#1')).toEqual(first);
    // What was not asked for stays as it is.
    await checkout.weft('up');
    expect((await processNamed('back#3')).health).toBe('passing');
    expect((await checkout.weft('up', '--scale', 'back=2')).code).toBe(0);
    expect((await ps()).processes.map(({ id }) => id)).not.toContain('back#3');
  });

  test('starts a crashed process again and says so', async () => {
    const { pid = 0 } = await processNamed('front#1');
    process.kill(pid, 'SIGKILL');
    await eventually(async () => {
      expect(await processNamed('front#1')).toMatchObject({
        health: 'passing',
        restarts: 1,
        lastExit: 'SIGKILL',
        address: `127.0.0.1:${portOf(1)}`,
      });
    });
    expect((await processNamed('front#1')).pid).not.toBe(pid);
  });

  test('lets one service drain and end, and brings it back', async () => {
    expect((await checkout.weft('stop', 'back')).code).toBe(0);
    expect(await processNamed('back#1')).toMatchObject({ health: 'stopped' });
    expect(await processNamed('back#2')).toMatchObject({ health: 'stopped' });
    expect(checkout.read('.run/logs/back-1.log')).toContain('drained');
    expect((await checkout.weft('start', 'back#2')).code).toBe(0);
    expect((await processNamed('back#2')).health).toBe('passing');
    expect((await processNamed('back#1')).health).toBe('stopped');
    expect((await checkout.weft('up')).code).toBe(0);
    expect((await processNamed('back#1')).health).toBe('passing');
  });

  test('shows what its processes write', async () => {
    const { stdout } = await checkout.weft('logs', 'front');
    expect(stdout).toMatch(new RegExp(`front#1 \\| serving on ${portOf(1)}`));
    expect(stdout).toMatch(/front#1 \| # weft: front#1 ended \(SIGKILL\); again in \d+ ms/);
    expect(stdout).not.toContain('back#1 |');
  });

  test('takes a story on top, and names what it does not know', async () => {
    expect((await checkout.weft('up', '--story', 'other')).code).toBe(0);
    expect((await processNamed('other#1')).health).toBe('passing');
    expect((await processNamed('front#1')).health).toBe('passing');
    const unknown = await checkout.weft('stop', 'nobody');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/nothing here is called nobody; there are consul, nats, front/);
  });

  test('is found well by the doctor', async () => {
    const { code, stdout } = await checkout.weft('doctor');
    expect(stdout).toContain(`a mesh runs at PORT_BASE ${portBase}`);
    expect(stdout).toMatch(/✓ front#1 +passing/);
    expect(code).toBe(0);
  });

  test('does not move while it runs', async () => {
    const { code, stderr } = await checkout.weft('up', '--port-base', '30000');
    expect(code).toBe(1);
    expect(stderr).toContain(`runs at PORT_BASE ${portBase}; weft down, then weft up with 30000`);
  });

  test('goes down in order, callers first, and leaves neither process nor port', async () => {
    const { processes, supervisorPid } = await ps();
    const { code, stdout } = await checkout.weft('down');
    expect(code).toBe(0);
    const order = [...stdout.matchAll(/✓ (\S+)/g)].map(([, id]) => id ?? '');
    expect(order.indexOf('front#1')).toBeLessThan(order.indexOf('back#1'));
    expect(order.slice(-2)).toEqual(['nats', 'consul']);
    for (const { pid = 0 } of processes) expect(markOf(pid)).toBeUndefined();
    expect(markOf(supervisorPid)).toBeUndefined();
    for (const offset of [1, 2, 3, 50, 51, 52, 60, 61]) {
      expect(await isFree(portOf(offset))).toBe(true);
    }
    expect(() => checkout.read('.run/state.json')).toThrow();
    expect((await checkout.weft('ps')).stderr).toMatch(/no mesh runs in .*; weft up/);
    expect((await checkout.weft('down')).stdout).toBe('Nothing runs here.\n');
  });
});

describe('when things go wrong', () => {
  test('what a killed supervisor left is ended by the next up, and everything comes up anew', async () => {
    await checkout.weft('up');
    const before = await ps();
    process.kill(before.supervisorPid, 'SIGKILL');
    const again = await checkout.weft('up');
    expect(again.stdout).toMatch(/front#1 .* pid \d+ was left over, and is stopped/);
    expect(again.code).toBe(0);
    const after = await ps();
    expect(after.supervisorPid).not.toBe(before.supervisorPid);
    for (const { pid = 0 } of before.processes) expect(markOf(pid)).toBeUndefined();

    process.kill(after.supervisorPid, 'SIGKILL');
    expect((await checkout.weft('down')).code).toBe(0);
    for (const { pid = 0 } of after.processes) expect(markOf(pid)).toBeUndefined();
  });

  test('a service that does not start is shown with its last words; what waits for it is held', async () => {
    checkout.write(
      'deploy/broken.yaml',
      `services:
  broken: { run: broken.mjs, port: 1 }
  behind: { run: toy.mjs, port: 2, after: [broken] }
`,
    );
    checkout.write('broken.mjs', `throw new Error('the database is away');`);
    const { code, stdout, stderr } = await checkout.weft('up', '--file', 'deploy/broken.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ behind#1 .*held: it waits for broken#1/);
    expect(stderr).toContain('broken#1: it crashed 3 times (exit code 1); its last words');
    expect(stderr).toContain('Error: the database is away');
    expect(stderr).toMatch(/mend it and weft up again, or weft down/);
    checkout.write('broken.mjs', toyService);
    expect((await checkout.weft('up')).code).toBe(0);
    expect((await processNamed('behind#1')).health).toBe('passing');
    await checkout.weft('down');
  });

  test('a taken port is named with who holds it and how to move, before anything starts', async () => {
    const holder: Server = createServer();
    await new Promise<void>((resolve) => holder.listen(portOf(1), '127.0.0.1', resolve));
    const { code, stderr } = await checkout.weft('up');
    await new Promise((resolve) => holder.close(resolve));
    expect(code).toBe(1);
    expect(stderr).toContain(`${portOf(1)} (front#1) is held by pid ${process.pid} (`);
    expect(stderr).toContain(`PORT_BASE=${portBase + 200} weft up`);
    expect(() => checkout.read('.run/state.json')).toThrow();
  });

  test('a command line that makes no sense ends with 2', async () => {
    expect((await checkout.weft('frobnicate')).code).toBe(2);
    expect((await checkout.weft('up', '--scale', 'front')).stderr).toContain('"front" is no count');
  });
});
