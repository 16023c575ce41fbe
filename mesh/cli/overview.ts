import { createConsul } from '../consul/client.ts';
import { systemClock } from '../kernel/clock.ts';
import { addressOf } from '../kernel/endpoint.ts';
import type { MeshStatus, ProcessStatus } from './supervisor/status.ts';
import { table } from './table.ts';

/** One line of `weft ps`: a process, and what Consul says of it. The shape of `-o json`. */
export interface ProcessView {
  /** "orders#1". */
  readonly id: string;
  readonly service: string;
  readonly instance: number;
  readonly kind: ProcessStatus['kind'];
  readonly story?: string;
  /** "host:port"; absent while it is not registered. */
  readonly address?: string;
  /**
   * passing, warning or critical as Consul sees it; unregistered if Consul does not know it; and for what
   * does not run: stopped, stopping, restarting.
   */
  readonly health: string;
  readonly pid?: number;
  /** Since when it runs, as "2026-11-21T12:00:00.000Z". */
  readonly startedAt?: string;
  readonly restarts: number;
  readonly lastExit?: string;
  readonly log: string;
}

/** The mesh of a checkout at one moment. */
export interface Overview {
  readonly portBase: number;
  readonly stories: readonly string[];
  /** Consul's HTTP address, as "http://127.0.0.1:7150". */
  readonly consul: string;
  /** As "127.0.0.1:7160". */
  readonly nats: string;
  readonly supervisorPid: number;
  readonly processes: readonly ProcessView[];
}

/** How long Consul may take to answer, in ms. */
const timeoutMs = 2_000;

type Registered = ReadonlyMap<string, { readonly address: string; readonly health: string }>;

/** Joins what the supervisor knows of its processes with what Consul knows of the instances. */
export async function overviewOf(status: MeshStatus): Promise<Overview> {
  const registered = await registeredIn(status);
  const { portBase, stories, consul, nats, supervisorPid } = status;
  const processes = status.processes.map((process) => viewOf(process, registered));
  return { portBase, stories, consul, nats, supervisorPid, processes };
}

async function registeredIn(status: MeshStatus): Promise<Registered> {
  const consul = createConsul({ address: status.consul, clock: systemClock });
  const services = new Set(
    status.processes.flatMap(({ ready }) => (ready.kind === 'passing' ? ready.service : [])),
  );
  try {
    const answers = await Promise.all(
      [...services].map((service) => consul.instances(service, { all: true, timeoutMs })),
    );
    return new Map(
      answers.flatMap(({ value }) =>
        value.map((at) => [at.id, { address: addressOf(at), health: at.health }] as const),
      ),
    );
  } catch {
    // A mesh without its Consul is shown too: that is when one looks.
    return new Map();
  } finally {
    consul.close();
  }
}

function viewOf(process: ProcessStatus, registered: Registered): ProcessView {
  const { id, service, instance, kind, story, pid, startedAtMs, restarts, lastExit, log } = process;
  const known =
    process.ready.kind === 'passing' ? registered.get(process.ready.instanceId) : undefined;
  const fixed = process.ports[0];
  const address = known?.address ?? (fixed === undefined ? undefined : `127.0.0.1:${fixed}`);
  return {
    ...{ id, service, instance, kind, restarts, log },
    ...(story !== undefined && { story }),
    ...(address !== undefined && { address }),
    health: healthOf(process, known?.health),
    ...(pid !== undefined && { pid }),
    ...(startedAtMs !== undefined && { startedAt: new Date(startedAtMs).toISOString() }),
    ...(lastExit !== undefined && { lastExit }),
  };
}

function healthOf({ state, ready }: ProcessStatus, inConsul: string | undefined): string {
  switch (state) {
    case 'stopped':
    case 'stopping':
      return state;
    case 'waiting':
      return 'restarting';
    case 'starting':
      return 'starting';
    case 'ready':
      return ready.kind === 'passing' ? (inConsul ?? 'unregistered') : 'passing';
  }
}

/** The table that `weft up` and `weft ps` print. */
export function overviewTable({ processes }: Overview): string {
  return table(
    ['SERVICE', 'INSTANCE', 'ADDRESS', 'HEALTH', 'PID', 'UP', 'RESTARTS'],
    processes.map((each) => [
      each.service,
      String(each.instance),
      each.address ?? '-',
      each.health,
      each.pid === undefined ? '-' : String(each.pid),
      each.startedAt === undefined ? '-' : age(Date.parse(each.startedAt)),
      each.restarts === 0 ? '0' : `${each.restarts} (last: ${each.lastExit ?? '?'})`,
    ]),
  );
}

/** Time since `sinceMs` in its two largest units, as "3h 12m". */
function age(sinceMs: number): string {
  const seconds = Math.max(0, Math.round((systemClock.now() - sinceMs) / 1_000));
  const units = { d: 86_400, h: 3_600, m: 60, s: 1 };
  const parts = Object.entries(units).map(([unit, size], i, all) => {
    const rest = i === 0 ? seconds : seconds % (all[i - 1]?.[1] ?? 1);
    return { unit, count: Math.floor(rest / size) };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(({ unit, count }) => `${count}${unit}`).join(' ');
}
