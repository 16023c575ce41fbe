import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { nodeFlags } from './fleet.ts';
import type { Registration } from './registrant.ts';

/** An instance in a process of its own, found through Consul. */
export interface Instance {
  readonly name: string;
  /** SIGKILL: it says farewell to nobody. */
  kill(): void;
  close(): Promise<void>;
}

/** Starts an instance; resolves when it says that it can be found. */
export function startInstance(registration: Registration): Promise<Instance> {
  const file = join(import.meta.dirname, 'registrant.ts');
  const child = fork(file, [JSON.stringify(registration)], { execArgv: nodeFlags(16) });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) =>
      reject(new Error(`${registration.name} ended with ${String(code)}`)),
    );
    child.once('message', () => {
      resolve({
        name: registration.name,
        kill: () => void child.kill('SIGKILL'),
        close: () => killed(child),
      });
    });
  });
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/**
 * Asks Consul itself, past weft, which instances are passing, and tells each answer with its moment: weft's own
 * watch is what is being measured.
 */
export function watchConsul(
  consul: string,
  onPassing: (ids: ReadonlySet<string>) => void,
): { close(): Promise<void> } {
  const ending = new AbortController();
  async function follow(): Promise<void> {
    let index = '0';
    while (!ending.signal.aborted) {
      const url = `${consul}/v1/health/service/bench?passing=true&index=${index}&wait=10s`;
      const answer = await fetch(url, { signal: ending.signal });
      index = answer.headers.get('x-consul-index') ?? '0';
      const found = (await answer.json()) as { Service: { ID: string } }[];
      onPassing(new Set(found.map(({ Service }) => Service.ID)));
    }
  }
  const done = follow().catch(() => undefined);
  return {
    async close() {
      ending.abort();
      await done;
    },
  };
}
