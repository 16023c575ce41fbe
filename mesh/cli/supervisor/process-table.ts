import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../kernel/clock.ts';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessMark {
  readonly pid: number;
  /** When it was born, in a form that only equals itself. */
  readonly born: string;
}

/** The mark of a running process; undefined if there is none of that number, or only its remains (a zombie). */
export function markOf(pid: number): ProcessMark | undefined {
  const born = process.platform === 'linux' ? bornOnLinux(pid) : bornElsewhere(pid);
  return born === undefined ? undefined : { pid, born };
}

/** proc(5): field 22 of stat is the start in ticks since boot, hence the boot beside it. */
function bornOnLinux(pid: number): string | undefined {
  const fields = statFields(pid);
  if (fields === undefined || fields[0] === 'Z') return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return `${fields[19] ?? ''}@${boot}`;
}

/** stat from field 3 (state) on. Field 2, the name in brackets, may hold anything, hence the last bracket. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function bornElsewhere(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=,command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** True while the very process that was marked runs. */
export function isRunning(mark: ProcessMark): boolean {
  return markOf(mark.pid)?.born === mark.born;
}

/**
 * Signals a process and what it started: every process that weft starts leads a group of its own. False
 * if nobody is left to hear it.
 */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  // 0 would be the group of whoever calls.
  if (pid <= 0) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** True while a process of the group runs. Remains that nobody collects (pid 1 of a container) do not count. */
export function groupRuns(pid: number): boolean {
  if (!signalGroup(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => {
    const fields = /^\d+$/.test(name) ? statFields(Number(name)) : undefined;
    return fields !== undefined && fields[0] !== 'Z' && fields[2] === String(pid);
  });
}

/**
 * Ends a marked process and what it started: SIGTERM, and SIGKILL when some of it still runs after
 * `graceMs`. True if it had to be killed.
 */
export async function end(mark: ProcessMark, graceMs: number): Promise<boolean> {
  if (!isRunning(mark)) return false;
  signalGroup(mark.pid, 'SIGTERM');
  const over = (): boolean => !isRunning(mark) && !groupRuns(mark.pid);
  if (await within(graceMs, over)) return false;
  signalGroup(mark.pid, 'SIGKILL');
  // Nothing survives that; only the kernel may need a moment.
  await within(5_000, over);
  return true;
}

/** Waits until the process is gone; false if it still runs after `withinMs`. */
export function gone(mark: ProcessMark, withinMs: number): Promise<boolean> {
  return within(withinMs, () => !isRunning(mark));
}

async function within(ms: number, condition: () => boolean): Promise<boolean> {
  const until = systemClock.monotonic() + ms;
  while (!condition()) {
    if (systemClock.monotonic() > until) return false;
    await systemClock.sleep(25);
  }
  return true;
}

/** The command line of a process, for people. */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .replace(/[\s\0]+/g, ' ')
      .trim();
  } catch {
    return '';
  }
}
