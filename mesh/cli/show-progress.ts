import { systemClock } from '../kernel/clock.ts';
import type { Report } from './supervisor/progress.ts';

const marks = {
  starting: ' ',
  ready: '✓',
  failed: '✗',
  held: '✗',
  stopping: ' ',
  stopped: '✓',
  killed: '✗',
  note: '!',
};

/** Prints what happens to each process, with the seconds since the command began. */
export function createProgress(print: (line: string) => void = console.log): Report {
  const began = systemClock.monotonic();
  return ({ id, what, text }) => {
    if (what === 'starting' || what === 'stopping') return;
    const seconds = ((systemClock.monotonic() - began) / 1_000).toFixed(1);
    const words = what === 'note' ? (text ?? '') : text === undefined ? what : `${what}: ${text}`;
    print(`  ${marks[what]} ${id.padEnd(18)} ${`${seconds} s`.padStart(6)}  ${words}`);
  };
}
