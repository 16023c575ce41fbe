import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { commandLineOf } from './process-table.ts';

/** True if a server can listen on the port now. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Who listens on a port, as "pid 4711 (node server.js)"; says so when it cannot be seen. */
export function holderOf(port: number): string {
  const pid = process.platform === 'linux' ? holderOnLinux(port) : holderElsewhere(port);
  if (pid === undefined) return 'a process that this user may not see';
  const command = commandLineOf(pid);
  return `pid ${pid}${command === '' ? '' : ` (${command.slice(0, 80)})`}`;
}

/** proc(5): net/tcp tells the socket that listens, and fd/ of some process leads to that socket. */
function holderOnLinux(port: number): number | undefined {
  const sockets = new Set(['tcp', 'tcp6'].flatMap((table) => listening(table, port)));
  if (sockets.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (openFiles(pid).some((target) => sockets.has(target))) return Number(pid);
  }
  return undefined;
}

function listening(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let text = '';
  try {
    text = readFileSync(`/proc/net/${table}`, 'latin1');
  } catch {
    // A kernel without IPv6 has no tcp6.
  }
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === '0A')
    .map((fields) => `socket:[${fields[9] ?? ''}]`);
}

function openFiles(pid: string): string[] {
  const folder = join('/proc', pid, 'fd');
  try {
    return readdirSync(folder).map((name) => {
      try {
        return readlinkSync(join(folder, name));
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}

function holderElsewhere(port: number): number | undefined {
  try {
    const text = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pid = Number.parseInt(text, 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
}
