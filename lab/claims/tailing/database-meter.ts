import { readdirSync } from 'node:fs';
import { Client } from 'pg';
import { systemClock } from '#mesh';
import { cpuMs, parentOf } from '../../house/proc.ts';

/** What a PostgreSQL did, a second. */
export interface DatabaseLoad {
  readonly transactionsPerSecond: number;
  /** Of all its processes. */
  readonly cpuMsPerSecond: number;
}

/**
 * Begins to measure a server by its own statistics and the processor time of its processes; the returned
 * function ends it. Backends tell the statistics about once a second, so that a second or two is too short.
 */
export async function startDatabaseMeter(server: {
  readonly url: string;
  readonly pid: number;
}): Promise<() => Promise<DatabaseLoad>> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const read = async (): Promise<{ atMs: number; commits: number; cpu: number }> => {
    const { rows } = await client.query<{ commits: string }>(
      'select xact_commit as commits from pg_stat_database where datname = current_database()',
    );
    const commits = Number(rows[0]?.commits);
    return { atMs: systemClock.monotonic(), commits, cpu: cpuOf(server.pid) };
  };
  const begin = await read();
  return async () => {
    const end = await read();
    await client.end();
    const seconds = (end.atMs - begin.atMs) / 1000;
    return {
      transactionsPerSecond: Math.round((end.commits - begin.commits) / seconds),
      cpuMsPerSecond: Math.round((end.cpu - begin.cpu) / seconds),
    };
  };
}

/** The postmaster and its children, in ms. One that ended takes its time with it. */
function cpuOf(postmaster: number): number {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === postmaster);
  return [postmaster, ...children].reduce((sum, pid) => sum + cpuMs(pid), 0);
}
