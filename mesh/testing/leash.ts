import { spawn } from 'node:child_process';

/**
 * Ties a server to the life of this process: whatever ends this process, kill -9 included, the server is
 * killed and its folder removed. An exit hook cannot promise that, and under jest it does not even run.
 *
 * The kernel does the watching: a shell reads from a pipe that only this process holds open, so the read
 * ends when this process does. The shell is in a session of its own, out of reach of Ctrl-C.
 *
 * Returns what lets go; call it once the server is gone.
 */
export function leash(pid: number, folder: string): () => void {
  const script = 'read -r _; kill -9 "$0"; rm -rf -- "$1"';
  const shell = spawn('/bin/sh', ['-c', script, String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  return () => {
    shell.kill('SIGKILL');
    shell.stdin.destroy();
  };
}
