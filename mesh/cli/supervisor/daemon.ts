/**
 * The supervisor process, started by `weft up` and detached from it: node daemon.ts <.run folder>. It
 * needs nothing but Node and the kernel, so that it is there at once and stays small.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { systemClock } from '../../kernel/clock.ts';
import { systemRandom } from '../../kernel/random.ts';
import { environment } from '../environment.ts';
import type { Child } from './child.ts';
import { socketPath } from './control.ts';
import { listenForCommands } from './control-server.ts';
import { markOf } from './process-table.ts';
import { forgetState, writeState } from './state-file.ts';
import { createSupervisor } from './supervisor.ts';

async function main(run: string): Promise<void> {
  mkdirSync(run, { recursive: true });
  const socket = socketPath(run);
  const own = markOf(process.pid) ?? { pid: process.pid, born: '' };
  const save = (children: readonly Child[]): void => {
    const processes = children.flatMap(({ plan, state }) => {
      const now = state();
      if (!('run' in now)) return [];
      const { id, service, kind, after, calls, graceMs } = plan;
      return [{ id, service, kind, after, calls, graceMs, mark: now.run.mark }];
    });
    const portBase = supervisor.status()?.portBase ?? 0;
    writeState(run, { supervisor: own, socket, portBase, processes });
  };
  const supervisor = createSupervisor({
    env: environment(),
    clock: systemClock,
    random: systemRandom,
    onChange: save,
  });
  const leave = (): void => {
    rmSync(socket, { force: true });
    forgetState(run);
    process.exit(0);
  };
  save([]);
  await listenForCommands({ socket, supervisor, onDown: leave });
  // A machine that shuts down says SIGTERM; the mesh then ends as `weft down` ends it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void supervisor.down(() => undefined).then(leave));
  }
}

await main(process.argv[2] ?? '.run');
