import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { thisCheckout } from './checkout.ts';
import { lastLines, linesFrom, sizeOf } from './supervisor/output.ts';

const pollEveryMs = 200;
/** Read at once at most, in bytes. */
const pieceBytes = 1024 * 1024;

export function logsCommand(): Command {
  return new Command('logs')
    .description('show the output of the processes of this checkout, also of those that ended')
    .argument('[target]', 'a service (orders) or an instance (orders#2); default: all')
    .option('-f, --follow', 'go on showing what is written')
    .option('-n, --lines <count>', 'how many lines of each to begin with', parseCount, 50)
    .action(async (target: string | undefined, options: { follow?: boolean; lines: number }) => {
      const logs = logsOf(join(thisCheckout().run, 'logs'), target);
      const width = Math.max(...logs.map(({ id }) => id.length));
      const print = (id: string, line: string): void =>
        console.log(`${id.padEnd(width)} | ${line}`);
      const from = new Map(logs.map(({ path }) => [path, sizeOf(path)]));
      for (const { id, path } of logs) {
        for (const line of lastLines(path, options.lines)) print(id, line);
      }
      if (options.follow === true) await follow(logs, from, print);
    });
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('say a number from 1 on');
}

interface LogFile {
  /** "orders#1", "consul". */
  readonly id: string;
  readonly path: string;
}

function logsOf(folder: string, target: string | undefined): LogFile[] {
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const all = names
    .filter((name) => name.endsWith('.log'))
    .map((name) => ({
      id: name.replace(/\.log$/, '').replace(/-(\d+)$/, '#$1'),
      path: join(folder, name),
    }));
  const found = all.filter(
    ({ id }) => target === undefined || id === target || id.replace(/#\d+$/, '') === target,
  );
  if (found.length > 0) return found;
  const known = all.map(({ id }) => id).join(', ');
  throw new MeshError(
    all.length === 0
      ? 'there are no logs yet; weft up starts the mesh'
      : `there is no log of ${target ?? ''}; there are ${known}`,
    { status: 'NOT_FOUND', reason: 'NO_LOG' },
  );
}

/** Ends with the process: Ctrl-C. */
async function follow(
  logs: readonly LogFile[],
  from: Map<string, number>,
  print: (id: string, line: string) => void,
): Promise<never> {
  for (;;) {
    for (const { id, path } of logs) {
      // A log that shrank was set aside, and begins anew.
      const start = Math.min(from.get(path) ?? 0, sizeOf(path));
      const { lines, next } = linesFrom(path, start, pieceBytes);
      from.set(path, next);
      for (const line of lines) print(id, line);
    }
    await systemClock.sleep(pollEveryMs);
  }
}
