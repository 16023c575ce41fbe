import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { freePort } from '../../testing/ports.ts';
import { holderOf, isFree } from './ports.ts';
import { commandLineOf, end, isRunning, markOf, signalGroup } from './process-table.ts';

/** A process that leads a group of its own, with a child in it; deaf to SIGTERM if `deaf`. */
async function startGroup(deaf: boolean): Promise<{ pid: number; childPid: number }> {
  const ignore = deaf ? 'trap "" TERM;' : '';
  const script = `${ignore} sleep 600 & echo $!; wait`;
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const text = await new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
  });
  return { pid: child.pid ?? 0, childPid: Number(text) };
}

describe('a process', () => {
  test('is told from a later one that has its number', async () => {
    const { pid } = await startGroup(false);
    const mark = markOf(pid);
    expect(mark?.pid).toBe(pid);
    expect(isRunning({ pid, born: mark?.born ?? '' })).toBe(true);
    expect(isRunning({ pid, born: 'earlier' })).toBe(false);
    expect(commandLineOf(pid)).toContain('sleep 600');
    expect(await end({ pid, born: 'earlier' }, 100)).toBe(false);
    expect(isRunning({ pid, born: mark?.born ?? '' })).toBe(true);
    signalGroup(pid, 'SIGKILL');
  });

  test('ends with all that it started', async () => {
    const { pid, childPid } = await startGroup(false);
    const mark = markOf(pid);
    if (mark === undefined) throw new Error('it ended by itself');
    expect(await end(mark, 5_000)).toBe(false);
    expect(markOf(pid)).toBeUndefined();
    expect(markOf(childPid)).toBeUndefined();
  });

  test('that does not hear SIGTERM is killed after its grace, and that is told', async () => {
    const { pid } = await startGroup(true);
    const mark = markOf(pid);
    if (mark === undefined) throw new Error('it ended by itself');
    expect(await end(mark, 100)).toBe(true);
    expect(markOf(pid)).toBeUndefined();
  });

  test('of no number is nobody, least of all the group of whoever asks', () => {
    expect(signalGroup(0, 'SIGTERM')).toBe(false);
    expect(markOf(0)).toBeUndefined();
  });
});

describe('a port', () => {
  test('is taken while somebody listens, and it can be told who', async () => {
    const port = await freePort();
    expect(await isFree(port)).toBe(true);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve));
    expect(await isFree(port)).toBe(false);
    expect(holderOf(port)).toMatch(new RegExp(`^pid ${process.pid} \\(`));
    await new Promise((resolve) => server.close(resolve));
    expect(await isFree(port)).toBe(true);
    expect(holderOf(port)).toBe('a process that this user may not see');
  });
});
