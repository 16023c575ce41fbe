import { readFileSync } from 'node:fs';

// USER_HZ: what times in /proc count in. 100 on every Linux that Node runs on (man 5 proc, man 2 sysconf).
const ticksPerSecond = 100;

/** Fields of /proc/<pid>/stat behind the name, which may itself hold blanks and brackets; none when it is gone. */
function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** What a process has used of the processors so far, in ms: user and system; 0 when it is gone. */
export function cpuMs(pid: number): number {
  const [, , , , , , , , , , , user = '0', system = '0'] = statOf(pid);
  return ((Number(user) + Number(system)) * 1000) / ticksPerSecond;
}

/** The process that started this one. */
export function parentOf(pid: number): number {
  return Number(statOf(pid)[1] ?? 0);
}

/** Resident memory of a process, in MiB; 0 when it is gone. */
export function residentMb(pid: number): number {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0;
  }
}
