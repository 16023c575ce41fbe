import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../kernel/clock.ts';
import { eventually } from './eventually.ts';
import { leash } from './leash.ts';

/** A real server that a test started, can hurt, and must close. */
export interface Daemon {
  /** The process that runs now, or ran last. For SIGSTOP and the like. */
  readonly pid: number;
  /** An orderly end (SIGTERM); resolves when the process is gone. One that hangs is killed after 10 s. */
  stop(): Promise<void>;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts again on the same ports and data, stopping it first if it runs; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends the process and removes its folder. May be called twice. */
  close(): Promise<void>;
}

/** Whom a server runs as. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

export interface DaemonOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** A temp folder of this server's own; its output is in server.log there; `close` removes it. */
  readonly folder: string;
  /** Throws or gives false as long as the server does not answer. */
  readonly ready: (pid: number) => Promise<unknown>;
  /** Longest time until it is ready, in ms. Default 30 000: two cores shared with other suites. */
  readonly readyMs?: number;
  /** What asks it to end in order. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** Default: whoever runs the test. */
  readonly user?: User;
}

/** Starts a server and waits until it is ready; throws with the end of its log if it dies instead. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  let running = await launch(options);
  const daemon: Daemon = {
    get pid() {
      return running.pid;
    },
    stop: () => running.end(options.stopSignal ?? 'SIGTERM'),
    kill: () => running.end('SIGKILL'),
    async restart() {
      await daemon.stop();
      running = await launch(options);
    },
    async close() {
      await daemon.kill();
      await rm(options.folder, { recursive: true, force: true });
    },
  };
  return daemon;
}

interface Running {
  readonly pid: number;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function launch(options: DaemonOptions): Promise<Running> {
  const { command, args, folder, ready, readyMs = 30_000, user } = options;
  const log = join(folder, 'server.log');
  const output = openSync(log, 'a');
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', output, output],
    ...user,
  });
  closeSync(output);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const release = leash(pid, folder);
  const gone = once(child, 'exit').then(release);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isGone(child)) child.kill(signal);
    const cancel = systemClock.after(10_000, () => child.kill('SIGKILL'));
    await gone;
    cancel();
  };
  try {
    await eventually(() => isGone(child) || ready(pid), { withinMs: readyMs });
    if (isGone(child))
      throw new Error(`it ended with ${String(child.exitCode ?? child.signalCode)}`);
  } catch (cause) {
    await end('SIGKILL');
    const tail = (await readFile(log, 'utf8')).slice(-2_000);
    throw new Error(`${command} did not become ready; the end of its log:\n${tail}`, { cause });
  }
  return { pid, end };
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
