import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { readMeshFile } from '../../mesh/cli/supervisor/config.ts';
import { findTool } from '../../mesh/cli/tools/find.ts';
import { readTool } from '../../mesh/cli/tools/manifest.ts';

const deploy = join(import.meta.dirname, '../../deploy');

const composeShape = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      command: z.array(z.string()),
      ports: z.array(z.string()),
      environment: z.record(z.string(), z.coerce.string()).default({}),
      stop_grace_period: z.string().optional(),
    }),
  ),
});
const { services } = composeShape.parse(
  parse(readFileSync(join(deploy, 'compose.yaml'), 'utf8'), { merge: true }),
);
const mesh = readMeshFile(join(deploy, 'weft.yaml'));
const portBase = 7100;

describe('deploy/compose.yaml', () => {
  test('runs the same services as weft.yaml, from the same files, on the same ports', () => {
    const story = Object.entries(mesh.services).filter(([, { story }]) => story?.includes('shop'));
    const { consul, nats, ...rest } = services;
    expect(Object.keys(rest).sort()).toEqual(story.map(([name]) => name).sort());
    for (const [name, { run, port = 0 }] of story) {
      const at = String(portBase + port);
      expect(rest[name]).toMatchObject({
        command: [run],
        ports: [`127.0.0.1:${at}:${at}`],
        environment: { PORT: at, MESH_CONSUL: 'http://consul:8500', MESH_NATS: 'nats:4222' },
      });
    }
    expect(consul?.ports).toEqual([`127.0.0.1:${portBase + 50}:8500`]);
    expect(nats?.ports[0]).toBe(`127.0.0.1:${portBase + 60}:4222`);
  });

  test('pins the versions that weft tools would fetch', () => {
    expect(services['consul']?.image).toMatch(
      new RegExp(`:${readTool('consul').release.version}$`),
    );
    expect(services['nats']?.image).toContain(`:${readTool('nats-server').release.version}-`);
  });
});

describe('the configuration of the servers', () => {
  test('is taken by Consul', async () => {
    const { path } = await findTool('consul');
    const output = execFileSync(path, ['validate', join(deploy, 'consul/server.hcl')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(output).toContain('Configuration is valid!');
  });

  test('is taken by nats-server', async () => {
    const { path } = await findTool('nats-server');
    // It tells by its exit code, and writes to stderr either way.
    execFileSync(path, ['-t', '-c', join(deploy, 'nats/server.conf')], { stdio: 'pipe' });
  });
});
