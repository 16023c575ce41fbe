import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessMark } from './process-table.ts';
import type { Stoppable } from './stopping.ts';

/** What must be known of the mesh of a checkout when its supervisor is gone. */
export interface SavedState {
  readonly supervisor: ProcessMark;
  /** The control socket. */
  readonly socket: string;
  readonly portBase: number;
  readonly processes: readonly (Stoppable & {
    readonly mark: ProcessMark;
    readonly graceMs: number;
  })[];
}

const fileName = 'state.json';

/** The state of the checkout whose .run folder is `run`; undefined if nothing was left there. */
export function readState(run: string): SavedState | undefined {
  try {
    // Written by this very program, and whole: it is renamed into place.
    return JSON.parse(readFileSync(join(run, fileName), 'utf8')) as SavedState;
  } catch {
    return undefined;
  }
}

export function writeState(run: string, state: SavedState): void {
  mkdirSync(run, { recursive: true });
  const next = join(run, `${fileName}.next`);
  writeFileSync(next, JSON.stringify(state, null, 2));
  renameSync(next, join(run, fileName));
}

export function forgetState(run: string): void {
  rmSync(join(run, fileName), { force: true });
}
