import { table } from '../suite/document.ts';
import type { KeptSections } from '../suite/section.ts';
import type { SideSummary } from './contest.ts';

/** What a section that compares leaves in its data: sides by the name of the contest. */
interface Contests {
  readonly contests?: Readonly<Record<string, Readonly<Record<string, SideSummary>>>>;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Every contest of every section, and the settings that were read back. */
export function contestTables(sections: KeptSections): string {
  return Object.values(sections)
    .flatMap((kept) => {
      const { contests = {}, settings = {} } = (kept?.data ?? {}) as Contests;
      const shown = Object.entries(contests).map(([name, sides]) =>
        [
          `${name}:`,
          table(['who', 'per second', 'CPU us each', 'over the plain client'], linesOf(sides)),
        ].join('\n\n'),
      );
      const read = Object.entries(settings).map(([name, value]) => `- ${name}: ${value}`);
      return [...shown, read.join('\n')];
    })
    .filter((part) => part !== '')
    .join('\n\n');
}

function linesOf(sides: Readonly<Record<string, SideSummary>>): string[][] {
  return Object.entries(sides).map(([name, { perSecond, cpuUs, over }]) => [
    name,
    spread(perSecond),
    String(cpuUs),
    over === undefined ? '1' : spread(over),
  ]);
}

function spread({ median, p10, p90 }: { median: number; p10: number; p90: number }): string {
  return `${median} (${p10} - ${p90})`;
}
