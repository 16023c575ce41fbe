import { join } from 'node:path';
import type { House } from '../house/house.ts';
import { cpuMs, parentOf } from '../house/proc.ts';
import { checkpointsOf, commitsOf } from './commits.ts';

/** What all processes of a run have used between two moments. */
export interface Used {
  readonly ms: number;
  /** CPU in ms by process: services, "consul", "nats", "supervisor", and "load", which is this one. */
  readonly cpuMs: Readonly<Record<string, number>>;
  /** Transactions committed, by service. */
  readonly commits: Readonly<Record<string, number>>;
  /** Logs begun anew after a checkpoint, by service. */
  readonly checkpoints: Readonly<Record<string, number>>;
}

/** Reads everything now; the returned function reads again and gives the difference. */
export async function startMeter(house: House): Promise<() => Used> {
  const processes = await house.ps();
  const services = processes.filter(({ kind }) => kind === 'service').map(({ service }) => service);
  const pids = new Map(processes.map(({ service, pid = 0 }) => [service, pid]));
  pids.set('supervisor', parentOf(processes[0]?.pid ?? 0)).set('load', process.pid);
  const database = (service: string): string => join(house.root, `.run/data/${service}.db`);
  const readAll = (): Used => ({
    ms: performance.now(),
    cpuMs: Object.fromEntries([...pids].map(([name, pid]) => [name, cpuMs(pid)])),
    commits: Object.fromEntries(services.map((name) => [name, commitsOf(database(name))])),
    checkpoints: Object.fromEntries(services.map((name) => [name, checkpointsOf(database(name))])),
  });
  const begin = readAll();
  return () => {
    const end = readAll();
    return {
      ms: end.ms - begin.ms,
      cpuMs: difference(end.cpuMs, begin.cpuMs),
      commits: difference(end.commits, begin.commits),
      checkpoints: difference(end.checkpoints, begin.checkpoints),
    };
  };
}

function difference(
  end: Readonly<Record<string, number>>,
  begin: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(end).map(([name, at]) => [name, at - (begin[name] ?? 0)]),
  );
}
