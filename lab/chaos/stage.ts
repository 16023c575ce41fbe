import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#mesh';
import { closeAll } from '../../mesh/kernel/lifecycle.ts';
import { type Cable, createCable } from '../../mesh/testing/cable.ts';
import { startConsul } from '../../mesh/testing/consul.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';

/** How many instances of each service; those of one service share a database. */
export const instances = {
  inventory: 1,
  payments: 1,
  orders: 2,
  warehouse: 2,
  notifications: 2,
} as const;

export type ServiceName = keyof typeof instances;

/**
 * Everything fails all the time here. A breaker that waits a minute, as it does by default, would only spread the
 * same faults over an hour.
 */
export const breaker = { openMs: 200, maxOpenMs: 1000 } as const;

/** One instance that can be killed and comes back. */
export interface Instance {
  readonly id: string;
  readonly service: ServiceName;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it unless it runs; it is ready some time later. */
  start(): void;
}

/** The shop in real processes. */
export interface Troupe {
  /** Databases are in .run/data, logs in .run/logs, as in a checkout. */
  readonly root: string;
  /** HTTP address of Consul. */
  readonly consul: string;
  readonly instances: readonly Instance[];
  close(): Promise<void>;
}

/** The shop, with NATS behind a cable that can be hurt. */
export interface Stage extends Troupe {
  readonly nats: NatsServer;
  /** Between all services and nats-server. */
  readonly cable: Cable;
}

export interface StageOptions {
  /** The store URL of a service. Default: an SQLite file in .run/data. */
  readonly stores?: Readonly<Partial<Record<ServiceName, string>>>;
  /** Called before anything starts, with the folder that will hold the databases; returns what undoes it. */
  readonly prepare?: (data: string) => () => void;
}

/** Starts everything in a folder of its own, on ports of its own. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const nats = await startNats();
  const cable = await createCable(Number(new URL(nats.url).port));
  const env = { MESH_NATS: `nats://127.0.0.1:${String(cable.port)}` };
  const troupe = await openTroupe({ ...options, env });
  return {
    ...troupe,
    ...{ nats, cable },
    async close() {
      await troupe.close();
      await closeAll([nats, cable]);
    },
  };
}

/** The same with a NATS that is somebody else's; `env` says where. */
export async function openTroupe({
  stores = {},
  prepare,
  env,
}: StageOptions & { readonly env: Readonly<Record<string, string>> }): Promise<Troupe> {
  const root = mkdtempSync(join(tmpdir(), 'weft-chaos-'));
  for (const folder of ['data', 'logs', 'sockets']) {
    mkdirSync(join(root, '.run', folder), { recursive: true });
  }
  const undo = prepare?.(join(root, '.run/data'));
  const consul = await startConsul();
  const all = Object.entries(instances).flatMap(([service, count]) =>
    Array.from({ length: count }, (_, i) =>
      createInstance(root, service as ServiceName, i + 1, {
        ...{ MESH_CONSUL: consul.address, ...env },
        UNIX_SOCKETS: join(root, '.run/sockets'),
        NODE_COMPILE_CACHE: join(root, '.run/compiled'),
        STORE: stores[service as ServiceName] ?? `sqlite:${join(root, `.run/data/${service}.db`)}`,
      }),
    ),
  );
  for (const service of Object.keys(instances)) {
    const url = `${consul.address}/v1/kv/weft/policy/${service}`;
    await fetch(url, { method: 'PUT', body: JSON.stringify({ breaker }) });
  }
  for (const instance of all) instance.start();
  return {
    ...{ root, consul: consul.address, instances: all },
    async close() {
      await Promise.all(all.map((instance) => instance.kill()));
      await consul.close();
      undo?.();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

// Whatever ends this process takes the services with it as far as it can.
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

function createInstance(
  root: string,
  service: ServiceName,
  number: number,
  env: Readonly<Record<string, string>>,
): Instance {
  const id = `${service}-${String(number)}`;
  const program = join(import.meta.dirname, `../../services/shop/${service}/main.ts`);
  let child: ChildProcess | undefined;
  let wanted = false;
  return {
    id,
    service,
    async kill() {
      wanted = false;
      const running = child;
      child = undefined;
      if (running?.exitCode !== null || running.signalCode !== null) return;
      const gone = once(running, 'exit');
      running.kill('SIGKILL');
      await gone;
    },
    start() {
      wanted = true;
      if (child !== undefined) return;
      const output = openSync(join(root, `.run/logs/${id}.log`), 'a');
      const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
        cwd: root,
        env: {
          ...process.env,
          INSTANCE_ID: id,
          LOG_LEVEL: 'warn',
          ...env,
        },
        stdio: ['ignore', output, output],
      });
      closeSync(output);
      child = started;
      alive.add(started);
      // One that dies by itself comes back, as under every supervisor.
      started.once('exit', () => {
        alive.delete(started);
        if (child !== started) return;
        child = undefined;
        systemClock.after(500, () => {
          if (wanted) this.start();
        });
      });
    },
  };
}
