import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { claimSocket, defaultSocketPath } from './unix-socket.ts';

let root: string;
let path: string;
const servers: Server[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-unix-'));
  path = join(root, 'sockets', 'orders-1.sock');
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(root, { recursive: true, force: true });
});

async function listenOn(at: string): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  server.listen(at);
  await once(server, 'listening');
}

/** What a process leaves behind that is killed while it listens. */
async function leaveStale(at: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(at)}, () => console.log('here'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const claim = (at: string): Promise<void> => claimSocket(at, systemClock);

async function exists(at: string): Promise<boolean> {
  return stat(at).then(
    () => true,
    () => false,
  );
}

describe('the place of a Unix socket', () => {
  test('is made: a folder for this user alone', async () => {
    await claim(path);
    const { mode } = await stat(join(root, 'sockets'));
    expect(mode & 0o777).toBe(0o700);
    await listenOn(path);
  });

  test('is taken over from a process that was killed', async () => {
    await claim(path);
    await leaveStale(path);
    expect(await exists(path)).toBe(true);
    await expect(listenOn(path)).rejects.toThrow('EADDRINUSE');
    await claim(path);
    await listenOn(path);
  });

  test('is left to a process that listens there', async () => {
    await claim(path);
    await listenOn(path);
    await expect(claim(path)).rejects.toMatchObject({
      status: 'UNAVAILABLE',
      reason: 'CANNOT_LISTEN',
      rawMessage: expect.stringContaining('another process listens there') as unknown,
    });
    expect(await exists(path)).toBe(true);
  });

  test('is never cleared of what is no socket', async () => {
    await claim(path);
    await writeFile(path, 'letters');
    await expect(claim(path)).rejects.toThrow('something that is no socket is there');
    expect(await exists(path)).toBe(true);
  });

  test('is refused where it would be too long for the system, or relative', async () => {
    const long = join(root, 'x'.repeat(120), 'orders.sock');
    await expect(claim(long)).rejects.toMatchObject({
      status: 'INVALID_ARGUMENT',
      reason: 'SOCKET_PATH',
    });
    await expect(claim(long)).rejects.toThrow(/the path has \d+ bytes; choose an absolute one of/);
    await expect(claim('orders.sock')).rejects.toThrow('the path is not absolute');
  });

  test('is refused where others could put a socket of their own', async () => {
    const folder = join(root, 'open');
    await mkdir(folder);
    await chmod(folder, 0o777);
    await expect(claim(join(folder, 'a.sock'))).rejects.toThrow('set its mode to 0700');
    await symlink(folder, join(root, 'link'));
    await expect(claim(join(root, 'link', 'a.sock'))).rejects.toThrow('it is not a folder');
  });

  test('is swept of what killed instances left, and of nothing that lives or is young', async () => {
    await claim(path);
    const beside = (name: string): string => join(root, 'sockets', name);
    await leaveStale(beside('dead.sock'));
    await leaveStale(beside('young.sock'));
    await listenOn(beside('alive.sock'));
    await writeFile(beside('letters.sock'), '');
    const longAgo = new Date(systemClock.now() - 120_000);
    for (const name of ['dead', 'alive', 'letters']) {
      await utimes(beside(`${name}.sock`), longAgo, longAgo);
    }
    await claim(path);
    expect(await exists(beside('dead.sock'))).toBe(false);
    for (const name of ['young', 'alive', 'letters']) {
      expect(await exists(beside(`${name}.sock`))).toBe(true);
    }
  });

  test('is by default a folder of this user, and a file of the instance', () => {
    expect(defaultSocketPath('orders-4f1c09a2', '/run')).toMatch(
      /^\/run\/weft-\d+\/orders-4f1c09a2\.sock$/,
    );
  });
});
