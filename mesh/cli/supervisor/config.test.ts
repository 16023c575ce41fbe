import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import { shippedFile } from '../root.ts';
import { readMeshFile } from './config.ts';
import type { MeshFile } from './schema.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-yaml-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function read(text: string): MeshFile {
  const path = join(folder, 'weft.yaml');
  writeFileSync(path, text);
  return readMeshFile(path);
}

/** The faults of a file, one a line, without the heading. */
function faultsOf(text: string): string[] {
  try {
    read(text);
    return [];
  } catch (thrown) {
    expect(thrown).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'MESH_FILE_INVALID' });
    return MeshError.from(thrown)
      .rawMessage.split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

describe('weft.yaml', () => {
  test('needs no more than a name and what to run', () => {
    expect(read('services: { greeter: { run: greeter.ts } }')).toMatchObject({
      infrastructure: { consul: { port: 50, server: 51, serf: 52 }, nats: { port: 60 } },
      services: { greeter: { run: 'greeter.ts', instances: 1, ready: 'consul', graceSeconds: 30 } },
    });
  });

  test('that weft itself ships is in order', () => {
    expect(Object.keys(readMeshFile(shippedFile('deploy/weft.yaml')).services)).toContain('orders');
  });

  test('is refused with every fault at once, each with its line', () => {
    const text = `services:
  a: { run: a.ts, instances: -1 }
  b:
    run: b.ts
    instnces: 2
    port: far
`;
    expect(faultsOf(text)).toEqual([
      expect.stringMatching(/^line 2: services\.a\.instances: /),
      expect.stringMatching(/^line 6: services\.b\.port: /),
      'line 5: services.b.instnces: there is no such field',
    ]);
  });

  test('is held to what its parts say of each other', () => {
    const text = `services:
  a: { port: 1, calls: [bb] }
  b: { run: b.ts, port: 1, ports: { HTTP_PORT: 50 } }
  c: { command: [c], after: [d], ready: tcp }
  d: { command: [d], after: [c] }
examples:
  - { title: x, service: nobody, method: x.v1.X/Y }
`;
    expect(faultsOf(text)).toEqual([
      'line 2: services.a: say what to start, either by run (a file for Node) or by command',
      'line 4: services.c: ready: tcp needs a fixed port, hence one instance with a port',
      'line 2: services.a.calls.0: there is no service bb; known: a, b, c, d',
      'line 7: examples.0.service: there is no service nobody; known: a, b, c, d',
      'line 2: after goes in a circle: c -> d -> c',
      'line 3: services.b.port: services.a.port has port 1 already',
      'line 3: services.b.ports.HTTP_PORT: infrastructure.consul.port has port 50 already',
    ]);
  });

  test('that is no YAML says where it stops being it', () => {
    expect(faultsOf('services: { a: [').join(' ')).toMatch(/line 1/);
  });

  test('that is missing says so, and what to do', () => {
    expect(() => readMeshFile(join(folder, 'none.yaml'))).toThrow(/no mesh to run: .*--file/);
  });
});
