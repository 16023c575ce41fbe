import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { z } from '#mesh';

/** A process of an experiment, there to be killed. It is ended when the one that started it is gone. */
export interface Child {
  readonly pid: number;
  tell(message: object): void;
  /** Resolves when the process is gone, whoever ended it. */
  readonly gone: Promise<unknown>;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and an orderly end; resolves when the process is gone. */
  stop(): Promise<void>;
}

/**
 * Forks a program of this folder (as "flow/desk.ts") with its options, and resolves when it says that it is
 * ready. Throws when it ends before.
 */
export async function startChild(program: string, options: object): Promise<Child> {
  const child = fork(join(import.meta.dirname, program), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ready = Promise.withResolvers<void>();
  child.once('message', () => {
    ready.resolve();
  });
  const gone = once(child, 'exit');
  child.once('exit', (code, signal) => {
    ready.reject(new Error(`${program} ended with ${String(code ?? signal)}`));
  });
  await ready.promise;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isGone(child)) child.kill(signal);
    await gone;
  };
  return {
    pid: child.pid ?? 0,
    gone,
    tell: (message) => void child.send(message),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** In the child: what it was started with. From here on the end of its parent is its own. */
export function childOptions<T>(shape: z.ZodType<T>): T {
  process.on('disconnect', () => process.exit(0));
  return shape.parse(JSON.parse(process.argv[2] ?? '{}'));
}

/** In the child: it is at work. */
export function tellReady(): void {
  process.send?.('ready');
}
