import { type Bar, barHolds, type Result } from './result-file.ts';

/** All results as text, one bar a line, and whether every bar holds. */
export function describeResults(results: ReadonlyMap<string, Result>): {
  readonly text: string;
  readonly allHold: boolean;
} {
  const all = [...results.values()].flatMap(({ bars }) => bars);
  if (all.length === 0) return { text: 'nothing is measured yet: make ground', allHold: true };
  const width = Math.max(...all.map(({ name }) => name.length));
  const sections = [...results].map(([name, { command, commit, at, machine, bars }]) =>
    [
      `${name}: ${command}, ${at}, commit ${commit}`,
      `  ${machine}`,
      ...bars.map((bar) => describeBar(bar, width)),
    ].join('\n'),
  );
  const short = all.filter((bar) => !barHolds(bar)).length;
  const sum = short === 0 ? `all ${all.length} hold` : `${short} of ${all.length} fall short`;
  return { text: [...sections, sum].join('\n\n'), allHold: short === 0 };
}

function describeBar(bar: Bar, width: number): string {
  const verdict = barHolds(bar) ? 'holds      ' : 'falls short';
  const figure = String(bar.value).padStart(10);
  return `  ${verdict}  ${bar.name.padEnd(width)} ${figure} ${bar.op} ${bar.bar} ${bar.unit}`.trimEnd();
}
