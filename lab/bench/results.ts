import { measuredCommit, readResults, writeResult } from '../result-file.ts';
import { barsOf, type SectionName, sectionNames } from './bars.ts';
import type { Report } from './section.ts';

/** What a section left in bench.json, with what it takes to know what was measured. */
export interface Kept extends Report {
  readonly commit: string;
  readonly at: string;
  readonly seconds: number;
}

export type KeptSections = Partial<Record<SectionName, Kept>>;

/** What the last runs left. */
export function keptSections(): KeptSections {
  const data = readResults().get('bench')?.data as { sections?: KeptSections } | undefined;
  return data?.sections ?? {};
}

/** A section's result with its commit and time: sections that are run apart may be of different ones. */
export async function keep(report: Report, seconds: number): Promise<Kept> {
  const commit = await measuredCommit();
  return { commit, at: new Date().toISOString(), seconds: Math.round(seconds), ...report };
}

/** Writes what was measured now over what was measured before; sections that did not run stay as they were. */
export async function writeSections(now: KeptSections): Promise<string> {
  const all = { ...keptSections(), ...now };
  const sections = Object.fromEntries(
    sectionNames.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])),
  );
  const figures = Object.assign(
    {},
    ...Object.values(all).map((kept) => kept.figures),
  ) as Report['figures'];
  const bars = barsOf(figures);
  if (bars.length === 0) throw new Error('nothing that has a bar was measured');
  return writeResult({ name: 'bench', command: 'make bench', bars, data: { sections } });
}
