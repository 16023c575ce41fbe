import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { extname, join } from 'node:path';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Environment } from '../environment.ts';
import { withLock } from '../lock.ts';
import { socketPath } from './control.ts';
import { command } from './control-client.ts';
import { endOrphans } from './orphans.ts';
import { lastLines, openOutput } from './output.ts';
import type { Report } from './progress.ts';
import { readState } from './state-file.ts';
import type { MeshStatus } from './status.ts';

/** Loading a few files takes a quarter of a second; a machine under load may take many times that. */
const answersWithinMs = 15_000;

export interface LaunchOptions {
  /** The checkout. */
  readonly root: string;
  /** Its .run folder. */
  readonly run: string;
  /** What the supervisor and all processes inherit. */
  readonly env: Environment;
}

/** The mesh of a checkout as its supervisor tells it; undefined if none answers. */
export async function askSupervisor(run: string): Promise<MeshStatus | undefined> {
  try {
    return await command(socketPath(run), { verb: 'status' });
  } catch (thrown) {
    if (MeshError.from(thrown).reason === 'NO_SUPERVISOR') return undefined;
    throw thrown;
  }
}

/** Ends what a supervisor that died left running, and gives its PORT_BASE; nothing if one answers. */
export function cleanUp(run: string, report: Report): Promise<number | undefined> {
  return withLock(join(run, 'supervisor.lock'), async () => {
    if (await answers(socketPath(run))) return undefined;
    const portBase = readState(run)?.portBase;
    await endOrphans(run, report);
    return portBase;
  });
}

/**
 * Makes sure that a supervisor answers, and gives its socket. Two who ask at once get the same one. What
 * a dead one left running is to be cleaned up before.
 */
export function ensureSupervisor(options: LaunchOptions): Promise<string> {
  const { run } = options;
  const socket = socketPath(run);
  return withLock(join(run, 'supervisor.lock'), async () => {
    if (await answers(socket)) return socket;
    await launch(options, socket);
    return socket;
  });
}

async function answers(socket: string): Promise<boolean> {
  return command(socket, { verb: 'status' }).then(
    () => true,
    () => false,
  );
}

async function launch({ root, run, env }: LaunchOptions, socket: string): Promise<void> {
  const log = join(run, 'logs', 'supervisor.log');
  const output = openOutput(log);
  // daemon.ts here, daemon.js in dist/.
  const program = join(import.meta.dirname, `daemon${extname(import.meta.filename)}`);
  const daemon = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, run], {
    cwd: root,
    env: inherited(env),
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  daemon.unref();
  const until = systemClock.monotonic() + answersWithinMs;
  while (!(await answers(socket))) {
    if (daemon.exitCode === null && systemClock.monotonic() < until) {
      await systemClock.sleep(20);
      continue;
    }
    const end = lastLines(log, 10).join('\n  ');
    throw new MeshError(`the supervisor did not start; the end of ${log}:\n  ${end}`, {
      status: 'INTERNAL',
      reason: 'SUPERVISOR_FAILED',
    });
  }
}

/** Without what `make` and npm tell their own children: it would reach every service. */
function inherited(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(MAKE|MFLAGS|npm_)/.test(name)),
  );
}
