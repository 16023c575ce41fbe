import { rmSync } from 'node:fs';
import { end, isRunning } from './process-table.ts';
import type { Report } from './progress.ts';
import { forgetState, readState } from './state-file.ts';
import { stopOrder } from './stopping.ts';

/**
 * Ends what a supervisor that was killed left running, in the order in which it would have: found by the
 * pids that it wrote down, each only if it is still the very process that was started then.
 */
export async function endOrphans(run: string, report: Report): Promise<void> {
  const state = readState(run);
  if (state === undefined) return;
  // One that runs and does not answer is beyond talking.
  if (isRunning(state.supervisor)) process.kill(state.supervisor.pid, 'SIGKILL');
  for (const wave of stopOrder(state.processes)) {
    await Promise.all(
      state.processes
        .filter(({ id, mark }) => wave.includes(id) && isRunning(mark))
        .map(async ({ id, mark, graceMs }) => {
          report({ id, what: 'note', text: `pid ${mark.pid} was left over, and is stopped` });
          const killed = await end(mark, graceMs);
          report({ id, what: killed ? 'killed' : 'stopped' });
        }),
    );
  }
  rmSync(state.socket, { force: true });
  forgetState(run);
}
