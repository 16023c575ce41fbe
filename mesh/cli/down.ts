import { Command } from 'commander';
import { MeshError } from '../kernel/error.ts';
import { type Checkout, thisCheckout } from './checkout.ts';
import { createProgress } from './show-progress.ts';
import { socketPath } from './supervisor/control.ts';
import { command } from './supervisor/control-client.ts';
import { cleanUp } from './supervisor/launch.ts';
import { gone } from './supervisor/process-table.ts';
import { readState } from './supervisor/state-file.ts';

/** The supervisor leaves right after its last word. */
const leavesWithinMs = 10_000;

export function downCommand(): Command {
  return new Command('down')
    .description('stop everything that weft up started here; data stays in .run')
    .action(() => down(thisCheckout()));
}

async function down({ run }: Checkout): Promise<void> {
  const state = readState(run);
  if (state === undefined) {
    console.log('Nothing runs here.');
    return;
  }
  const report = createProgress();
  try {
    await command(socketPath(run), { verb: 'down' }, report);
    await gone(state.supervisor, leavesWithinMs);
  } catch (thrown) {
    if (MeshError.from(thrown).reason !== 'NO_SUPERVISOR') throw thrown;
  }
  // Whatever a killed supervisor left behind; nothing after an orderly end.
  await cleanUp(run, report);
}
