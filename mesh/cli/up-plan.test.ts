import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ProcessStatus } from './supervisor/status.ts';
import { chooseIdentity, parsePortBase, parseScale, planFor, takenPorts } from './up-plan.ts';

describe('what is given on the command line', () => {
  test('scales are read with commas or spaces', () => {
    expect(parseScale('inventory=3,payments=2')).toEqual({ inventory: 3, payments: 2 });
    expect(parseScale(' inventory=3 payments=0 ')).toEqual({ inventory: 3, payments: 0 });
    expect(parseScale('')).toEqual({});
    expect(() => parseScale('inventory')).toThrow(/"inventory" is no count/);
    expect(() => parseScale('inventory=-1')).toThrow(/"inventory=-1" is no count/);
  });

  test('a base for ports leaves room below and above', () => {
    expect(parsePortBase('7300')).toBe(7300);
    expect(parsePortBase('')).toBeUndefined();
    expect(() => parsePortBase('80')).toThrow(/PORT_BASE 80 is no base/);
    expect(() => parsePortBase('65000')).toThrow(/1024 to 64000/);
    expect(() => parsePortBase('many')).toThrow(/PORT_BASE many/);
  });
});

test('identities are those that are asked for, else those of the mesh, and of one that runs they do not change', () => {
  expect(chooseIdentity(undefined, undefined)).toBe('off');
  expect(chooseIdentity('', { identity: 'consul' })).toBe('consul');
  expect(chooseIdentity('consul', undefined)).toBe('consul');
  expect(chooseIdentity('consul', { identity: 'consul' })).toBe('consul');
  expect(() => chooseIdentity('consul', { identity: 'off' })).toThrow(
    /runs with IDENTITY=off; weft down, then IDENTITY=consul weft up, changes it/,
  );
  expect(() => chooseIdentity('spire', undefined)).toThrow(/IDENTITY: "spire" is none/);
});

test('a program that is not there is told before anything starts, with its field', () => {
  const root = mkdtempSync(join(tmpdir(), 'weft-plan-'));
  try {
    const file = join(root, 'weft.yaml');
    const services = { here: { run: 'here.ts' }, gone: { run: 'gone.ts' } };
    writeFileSync(file, JSON.stringify({ services }));
    writeFileSync(join(root, 'here.ts'), '');
    const found = { path: '/bin/true', version: '1.8.7', source: 'path' as const };
    const plan = (): unknown =>
      planFor({
        ...{ options: { file }, checkout: { root, run: join(root, '.run') } },
        ...{ before: { mesh: undefined, portBase: undefined } },
        servers: { consul: found, nats: found },
      });
    expect(plan).toThrow(/cannot be used:\n {2}services.gone.run: there is no file gone.ts in /);
    writeFileSync(join(root, 'gone.ts'), '');
    expect(plan).not.toThrow();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a port is taken unless it is held by the process of this mesh for which it is, also one that came back meanwhile', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const plan = { processes: [{ id: 'orders#1', ports: [port] }] };
  const status: ProcessStatus = {
    ...{ id: 'orders#1', service: 'orders', instance: 1, kind: 'service', state: 'waiting' },
    ...{ restarts: 1, log: '', ports: [port], ready: { kind: 'tcp', port } },
  };
  try {
    const none = await takenPorts(plan, () => Promise.resolve(undefined));
    expect(none).toEqual([expect.stringMatching(/^\d+ \(orders#1\) is held by /)]);
    expect(await takenPorts(plan, () => Promise.resolve({ processes: [status] }))).toEqual(none);
    const back = { ...status, state: 'starting' as const, pid: process.pid };
    expect(await takenPorts(plan, () => Promise.resolve({ processes: [back] }))).toEqual([]);
  } finally {
    holder.close();
  }
});
