import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startConsul } from './consul.ts';
import { startDaemon } from './daemon.ts';
import { eventually } from './eventually.ts';
import { startNats } from './nats.ts';
import { startPostgres } from './postgres.ts';
import { probe } from './probe.ts';

describe('a real server in a test', () => {
  test('is Consul with a leader, back at the same address after kill -9', async () => {
    const consul = await startConsul();
    const { pid } = consul;
    await consul.kill();
    await expect(probe(consul.address)).rejects.toThrow('ECONNREFUSED');
    await consul.restart();
    expect(consul.pid).not.toBe(pid);
    expect(await probe(`${consul.address}/v1/status/leader`)).toMatch(/\d/);
    await consul.close();
    await consul.close();
    await expect(probe(consul.address)).rejects.toThrow('ECONNREFUSED');
  });

  test('is nats-server with JetStream on disk', async () => {
    const nats = await startNats();
    expect(await probe(`${nats.monitor}/jsz`)).toContain('store_dir');
    await nats.close();
  });

  test('is PostgreSQL, stopped and restarted on its data', async () => {
    const postgres = await startPostgres();
    expect(postgres.url).toMatch(/^postgres:\/\/weft@127\.0\.0\.1:\d+\/postgres$/);
    await postgres.restart();
    await postgres.close();
    await postgres.close();
  });

  test('shows its log when it cannot start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-broken-'));
    const args = ['-c', 'echo the port is taken; exit 3'];
    const started = startDaemon({ command: '/bin/sh', args, folder, ready: async () => false });
    await expect(started).rejects.toThrow('the port is taken');
    await rm(folder, { recursive: true });
  });

  test('ends with its test, even one that is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-leash-'));
    const script = join(folder, 'test.ts');
    const launcher = JSON.stringify(new URL('./nats.ts', import.meta.url).href);
    await writeFile(
      script,
      `import { startNats } from ${launcher}; process.send((await startNats()).monitor);`,
    );
    const child = fork(script);
    const [monitor] = (await once(child, 'message')) as [string];
    const store = /"store_dir": "([^"]+)"/.exec(await probe(`${monitor}/jsz`))?.[1] ?? '';
    expect(existsSync(store)).toBe(true);
    child.kill('SIGKILL');
    await eventually(() => expect(probe(monitor)).rejects.toThrow('ECONNREFUSED'));
    await eventually(() => !existsSync(store));
    await rm(folder, { recursive: true });
  });
});
