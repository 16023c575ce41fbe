import { readdir, readFile } from 'node:fs/promises';
import { eventually } from './eventually.ts';

/**
 * SIGSTOP, and the wait until every thread has stopped: the signal is only on its way when `kill` returns, and
 * a server of many threads answers a few more requests meanwhile. The returned function lets it go on.
 */
export async function freeze(pid: number | undefined): Promise<() => void> {
  // To whom it may concern: kill(0) is the whole process group, this process included.
  if (pid === undefined || pid <= 0) throw new Error('there is no process to freeze');
  process.kill(pid, 'SIGSTOP');
  if (process.platform === 'linux') await eventually(() => isStopped(pid));
  return () => {
    process.kill(pid, 'SIGCONT');
  };
}

/** Field 3 of /proc/<pid>/task/<tid>/stat, after the command in parentheses (proc(5)): T is stopped. */
async function isStopped(pid: number): Promise<boolean> {
  const tasks = `/proc/${String(pid)}/task`;
  const states = await Promise.all(
    (await readdir(tasks)).map(async (tid) => {
      const stat = await readFile(`${tasks}/${tid}/stat`, 'utf8').catch(() => ') T');
      return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    }),
  );
  return states.every((state) => state === 'T');
}
