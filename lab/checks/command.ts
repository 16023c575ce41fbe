import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** What a command left behind. */
export interface Finished {
  /** The exit code; 127 when the command could not be started, 1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The tools of this checkout, also for checks that look at another directory. */
const tools = join(import.meta.dirname, '../../node_modules/.bin');

/** Runs a command to its end in `cwd`. A command that fails is an answer, not an error. */
export function run(
  cwd: string,
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Finished> {
  const path = `${tools}${delimiter}${process.env['PATH'] ?? ''}`;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path, ...env },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }));
    child.on('close', (code) => {
      resolve({ code: code ?? 1, stdout: text(stdout), stderr: text(stderr) });
    });
  });
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
