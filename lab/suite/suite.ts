import type { ChildProcess } from 'node:child_process';
import type { Bar } from '../result-file.ts';
import type { KeptSections, Section } from './section.ts';

/** A bench of several sections, each of which can be run for itself. */
export interface Suite {
  /** The name of its file in lab/results and of its page in docs, as "bench". */
  readonly name: string;
  /** What measures it, as it is typed: "make bench". */
  readonly command: string;
  /** By name, in the order in which they run; loaded one at a time, so that what one imports is in no other's heap. */
  readonly sections: Readonly<Record<string, () => Promise<Section>>>;
  readonly rows: readonly Row[];
  /** The program that runs one section: `runSection` of run.ts. */
  readonly worker: string;
  /** Flags of Node.js for that program. */
  readonly nodeFlags: readonly string[];
  /** What its page shows beside the bars: paragraphs and tables. */
  readonly tables: (sections: KeptSections) => string;
  /** Takes away what a section's process may have left behind. */
  readonly sweep?: (child: ChildProcess) => void;
}

/** A bar, set before anything was measured. */
export type Row<Name extends string = string> = readonly [
  name: string,
  op: Bar['op'],
  bar: number,
  unit: string,
  section: Name,
  meaning: string,
];

/** The figures as bars, in the order of the rows; what was not measured is not there. */
export function barsOf(rows: readonly Row[], figures: Readonly<Record<string, number>>): Bar[] {
  return rows.flatMap(([name, op, bar, unit]) => {
    const value = figures[name];
    return value === undefined ? [] : [{ name, value, op, bar, unit }];
  });
}
