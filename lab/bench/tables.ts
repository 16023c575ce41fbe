import { table } from '../suite/document.ts';
import type { KeptSections } from '../suite/section.ts';

/** What rounds.ts writes of a side. */
type Line = Readonly<Record<string, number | null>> & {
  readonly over?: Readonly<Record<string, readonly (number | null)[]>>;
};

/** Everyone beside the bare stub, by calls in flight: weft from its own section, peers from theirs. */
export function unaryTables(sections: KeptSections): string {
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
