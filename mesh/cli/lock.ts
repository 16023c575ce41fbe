import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../kernel/clock.ts';

const everyMs = 100;

function holderAlive(path: string): boolean {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // A file that is just being written has no pid yet: its writer is alive.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Runs `work` while no other process runs under the same lock file, so that ten tests that start at once
 * download once. A lock whose holder died is taken over; should two take over at once, both work, which
 * costs a download and harms nothing: what they write is renamed into place whole.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  while (!tryLock(path)) {
    if (!holderAlive(path)) rmSync(path, { force: true });
    else await systemClock.sleep(everyMs, signal);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}
