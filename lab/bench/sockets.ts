import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the servers that a process started put their Unix sockets; they are killed, so they cannot tidy up. */
function folderOf(pid: number): string {
  return join(tmpdir(), `weft-bench-${pid}`);
}

/** A path for the socket of a server, asked for by the server's process. */
export function socketPath(name: string): string {
  const folder = folderOf(process.ppid);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${name}.sock`);
}

/** Removes what the servers of a process that has ended have left. */
export function removeSockets(pid: number | undefined): void {
  if (pid !== undefined) rmSync(folderOf(pid), { recursive: true, force: true });
}
