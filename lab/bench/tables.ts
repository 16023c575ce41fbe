import { type Bar, barHolds, type Result } from '../result-file.ts';
import { rows, sectionNames } from './bars.ts';
import type { KeptSections } from './results.ts';

/** The figures of bench.json as Markdown. */
export function renderTables(result: Result | undefined): string {
  if (result === undefined) return 'Nothing is measured yet: `make bench`.';
  const { sections = {} } = result.data as { sections?: KeptSections };
  return [
    `Measured on ${result.machine}.`,
    barTable(result.bars),
    unaryTables(sections),
    provenance(sections),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function barTable(bars: readonly Bar[]): string {
  const found = new Map(bars.map((bar) => [bar.name, bar]));
  const lines = rows.map(([name, op, limit, unit, , meaning]) => {
    const bar = found.get(name);
    const figure = bar === undefined ? 'not measured' : String(bar.value);
    const verdict = bar === undefined ? '' : barHolds(bar) ? 'holds' : '**falls short**';
    return [`\`${name}\``, figure, `${op} ${limit} ${unit}`.trim(), verdict, meaning];
  });
  return table(['bar', 'figure', 'asked', '', 'what it is'], lines);
}

/** What rounds.ts writes of a side. */
type Line = Readonly<Record<string, number | null>> & {
  readonly over?: Readonly<Record<string, readonly (number | null)[]>>;
};

/** Everyone beside the bare stub, by calls in flight: weft from its own section, peers from theirs. */
function unaryTables(sections: KeptSections): string {
  return (['unary', 'peers'] as const)
    .flatMap((name) => {
      const data = sections[name]?.data as
        | { inFlight?: Record<string, Record<string, Line>> }
        | undefined;
      return Object.entries(data?.inFlight ?? {}).map(([callers, sides]) =>
        [
          `Unary echo, ${callers} in flight (${name === 'unary' ? 'weft' : 'others'}):`,
          table(
            [
              'who',
              'calls/s',
              'p50 ms',
              'p99 ms',
              'client us/call',
              'server us/call',
              'bytes allocated/call',
              'calls/write',
              'client CPU over bare',
            ],
            Object.entries(sides).map(([side, line]) => sideLine(side, line)),
          ),
        ].join('\n\n'),
      );
    })
    .join('\n\n');
}

function sideLine(side: string, { over, ...line }: Line): string[] {
  const figures: Readonly<Record<string, number | null>> = line;
  const shown = [
    'perSecond',
    'p50Ms',
    'p99Ms',
    'clientUs',
    'serverUs',
    'allocBytes',
    'callsPerWrite',
  ].map((figure) => String(figures[figure] ?? '-'));
  return [side, ...shown, String(over?.['clientUs']?.[1] ?? '1')];
}

function provenance(sections: KeptSections): string {
  const lines = sectionNames.flatMap((name) => {
    const kept = sections[name];
    return kept === undefined
      ? []
      : [[name, kept.at, `\`${kept.commit.slice(0, 12)}\``, `${kept.seconds} s`]];
  });
  return table(['section', 'measured at', 'commit', 'took'], lines);
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  if (lines.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}
