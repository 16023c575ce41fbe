import { measuredCommit, readResults, writeResult } from '../result-file.ts';
import type { Kept, KeptSections, Report } from './section.ts';
import { barsOf, type Suite } from './suite.ts';

/** What the last runs left. */
export function keptSections(name: string): KeptSections {
  const data = readResults().get(name)?.data as { sections?: KeptSections } | undefined;
  return data?.sections ?? {};
}

/** A section's result with its commit and time: sections that are run apart may be of different ones. */
export async function keep(report: Report, seconds: number): Promise<Kept> {
  const commit = await measuredCommit();
  return { commit, at: new Date().toISOString(), seconds: Math.round(seconds), ...report };
}

/** Writes what was measured now over what was measured before; sections that did not run stay as they were. */
export async function writeSections(suite: Suite, now: KeptSections): Promise<string> {
  const all = { ...keptSections(suite.name), ...now };
  const sections = Object.fromEntries(
    Object.keys(suite.sections).flatMap((name) =>
      all[name] === undefined ? [] : [[name, all[name]] as const],
    ),
  );
  const figures = Object.assign(
    {},
    ...Object.values(sections).map(({ figures }) => figures),
  ) as Report['figures'];
  const bars = barsOf(suite.rows, figures);
  if (bars.length === 0) throw new Error('nothing that has a bar was measured');
  return writeResult({ name: suite.name, command: suite.command, bars, data: { sections } });
}
