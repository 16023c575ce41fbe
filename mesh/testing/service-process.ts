import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { systemClock } from '../kernel/clock.ts';

/** A service of services/ as a process of its own, as `weft up` runs it. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  /** SIGTERM, and SIGKILL for one that does not end within 10 s; resolves when it is gone. */
  close(): Promise<void>;
}

/**
 * Starts `program` with these variables on top of the environment of the test; leaves no time for the news of
 * its end to spread, and says nothing, unless the variables say otherwise. It is not ready when this returns:
 * ask until it answers.
 */
export function startServiceProcess(
  program: string,
  env: Readonly<Record<string, string>>,
): ServiceProcess {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    // What a service leaves behind where it stands must not lie in the work tree.
    cwd: tmpdir(),
    env: { ...process.env, LOG_LEVEL: 'silent', DRAIN_SPREAD_MS: '0', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const gone = once(child, 'exit');
  // A test that dies takes its services with it as far as it can.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    child,
    async close() {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const cancel = systemClock.after(10_000, kill);
      await gone;
      cancel();
    },
  };
}
