import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { markdownTable } from '../claims/document.ts';
import type { Drill } from './drill.ts';

const path = join(import.meta.dirname, '../../docs/guides/outages.md');
const begin = '<!-- figures: written by make outages, not by hand -->';
const end = '<!-- /figures -->';

/** What came of outages, as a table in Markdown. */
export function outagesTable(drills: readonly Drill[]): string {
  return markdownTable(
    [
      'away',
      'for',
      'what waits at the end of it',
      'what callers hear',
      'all done after',
      'told',
      'lost',
      'doubled',
      'turned away',
    ],
    drills.map((each) => [
      each.name,
      `${String(each.awaySeconds)} s`,
      waits(each),
      hears(each),
      `${String(each.recoveredSeconds)} s`,
      each.ledger.told.confirmed + each.ledger.told.declined,
      each.ledger.lost.length + each.ledger.unsent + each.neverTold,
      each.ledger.doubled.length,
      each.turnedAway,
    ]),
  );
}

function waits({ waiting }: Drill): string {
  const { callers, undecided, outbox, stream } = waiting;
  const parts = [
    [callers, 'orders with their callers'],
    [undecided ?? 0, 'orders accepted and undecided'],
    [outbox, 'events in outboxes'],
    ...Object.entries(stream).map(
      ([consumer, n]) => [n, `events in the stream for ${consumer}`] as const,
    ),
  ] as const;
  const some = parts.filter(([n]) => n > 0).map(([n, what]) => `${String(n)} ${what}`);
  return some.length === 0 ? 'nothing' : some.join(', ');
}

function hears({ refusals }: Drill): string {
  const said = Object.entries(refusals)
    .sort(([, a], [, b]) => b.times - a.times)
    .map(([what, { times, retryAfterMs }]) => {
      const again = retryAfterMs === undefined ? '' : `, again in ${String(retryAfterMs)} ms`;
      return `\`${what}\`${again} (${String(times)})`;
    });
  return said.length === 0 ? 'decisions only' : said.join('; ');
}

/** Puts the table into docs/guides/outages.md. */
export function writeOutages(drills: readonly Drill[]): void {
  const page = readFileSync(path, 'utf8');
  const [head, rest = ''] = page.split(begin);
  const [, tail] = rest.split(end);
  if (head === undefined || tail === undefined) throw new Error(`${path} has lost its markers`);
  writeFileSync(path, `${head}${begin}\n\n${outagesTable(drills)}\n\n${end}${tail}`);
}
