import type { MeshError } from './error.ts';

/**
 * A process that was started wrongly ends before anything of it runs: its environment makes no sense, a file
 * is not there. Nobody catches that in a main.ts, and Node would then print the error with a stack of the
 * library around the one sentence that helps.
 */

/** What to print of each. */
const faults = new WeakMap<Error, string>();
let isWatching = false;

/**
 * Marks the fault of whoever started this process: should nobody catch it, its message is all that is
 * printed (on stderr), and the exit code is 1. Gives the fault back, to be thrown.
 */
export function startFault(fault: MeshError): MeshError {
  faults.set(fault, fault.rawMessage);
  if (isWatching) return fault;
  isWatching = true;
  // The monitor is told before Node prints, and changes nothing for what is not marked.
  process.on('uncaughtExceptionMonitor', (thrown) => {
    const message = faults.get(thrown);
    if (message === undefined) return;
    process.stderr.write(`cannot start: ${message}\n`);
    process.exit(1);
  });
  return fault;
}
