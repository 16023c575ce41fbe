import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Clock } from '../../kernel/clock.ts';
import type { Environment } from '../environment.ts';
import { noteInOutput, openOutput } from './output.ts';
import type { ProcessPlan } from './plan.ts';
import { groupRuns, markOf, type ProcessMark, signalGroup } from './process-table.ts';

/** One life of one process. */
export interface Run {
  readonly mark: ProcessMark;
  /** Wall time of the start, in ms since the epoch. */
  readonly startedAtMs: number;
  /** Resolves when it is over, with how: "exit code 1", "SIGKILL", "cannot be started". */
  readonly ended: Promise<string>;
  /** SIGTERM to it and to what it started; SIGKILL to what is left after the grace. True if something was. */
  end(graceMs: number): Promise<boolean>;
}

export interface RunOptions {
  /** The folder it runs in. */
  readonly root: string;
  /** The environment beneath the plan's own. */
  readonly env: Environment;
  readonly clock: Clock;
}

/** Starts a process as the leader of a group of its own; its output is appended to the plan's log. */
export function startRun(plan: ProcessPlan, { root, env, clock }: RunOptions): Run {
  const output = openOutput(plan.log);
  const [program = '', ...args] = plan.command;
  const child = spawn(program, args, {
    cwd: root,
    env: { ...env, ...plan.env },
    stdio: ['ignore', output, output],
    detached: true,
  });
  closeSync(output);
  const pid = child.pid ?? 0;
  if (pid !== 0) noteInOutput(plan.log, `${plan.id} started as pid ${pid}`);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal ?? `exit code ${code ?? 0}`);
    });
    child.once('error', (error) => {
      noteInOutput(plan.log, `${plan.id} cannot be started: ${error.message}`);
      resolve('cannot be started');
    });
  });
  // One that is over already has no mark; nothing equals an empty birth.
  const mark = markOf(pid) ?? { pid, born: '' };
  return {
    mark,
    startedAtMs: clock.now(),
    ended,
    end: (graceMs) => endGroup(pid, { ended, clock, graceMs }),
  };
}

async function endGroup(
  pid: number,
  { ended, clock, graceMs }: { ended: Promise<string>; clock: Clock; graceMs: number },
): Promise<boolean> {
  let overdue = false;
  const cancel = clock.after(graceMs, () => {
    overdue = true;
    signalGroup(pid, 'SIGKILL');
  });
  signalGroup(pid, 'SIGTERM');
  await ended;
  // A wrapper may end before the program that it started.
  while (groupRuns(pid)) await clock.sleep(20);
  cancel();
  return overdue;
}
