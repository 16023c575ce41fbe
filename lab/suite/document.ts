import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bar, barHolds, type Result, readResults } from '../result-file.ts';
import type { KeptSections } from './section.ts';
import type { Row, Suite } from './suite.ts';

const begin = (command: string): string => `<!-- figures: written by ${command}, not by hand -->`;
const end = '<!-- /figures -->';

/** The page of a suite in docs/ as its file in lab/results wants it. */
export function documentNow(suite: Suite): { readonly is: string; readonly should: string } {
  const is = readFileSync(pathOf(suite), 'utf8');
  const [head, rest = ''] = is.split(begin(suite.command));
  const [, tail] = rest.split(end);
  if (head === undefined || tail === undefined)
    throw new Error(`${pathOf(suite)} has lost its markers`);
  const tables = renderTables(suite, readResults().get(suite.name));
  return { is, should: `${head}${begin(suite.command)}\n\n${tables}\n\n${end}${tail}` };
}

/** Puts the figures into the page. */
export function writeDocument(suite: Suite): void {
  writeFileSync(pathOf(suite), documentNow(suite).should);
}

/** The figures of a result as Markdown. */
export function renderTables(
  suite: Pick<Suite, 'command' | 'rows' | 'sections' | 'tables'>,
  result: Result | undefined,
): string {
  if (result === undefined) return `Nothing is measured yet: \`${suite.command}\`.`;
  const { sections = {} } = result.data as { sections?: KeptSections };
  return [
    `Measured on ${result.machine}.`,
    barTable(suite.rows, result.bars),
    suite.tables(sections),
    provenance(Object.keys(suite.sections), sections),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** A table in Markdown; nothing when it has no lines. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  if (lines.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n');
}

function barTable(rows: readonly Row[], bars: readonly Bar[]): string {
  const found = new Map(bars.map((bar) => [bar.name, bar]));
  const lines = rows.map(([name, op, limit, unit, , meaning]) => {
    const bar = found.get(name);
    const figure = bar === undefined ? 'not measured' : String(bar.value);
    const verdict = bar === undefined ? '' : barHolds(bar) ? 'holds' : '**falls short**';
    return [`\`${name}\``, figure, `${op} ${limit} ${unit}`.trim(), verdict, meaning];
  });
  return table(['bar', 'figure', 'asked', '', 'what it is'], lines);
}

function provenance(names: readonly string[], sections: KeptSections): string {
  const lines = names.flatMap((name) => {
    const kept = sections[name];
    return kept === undefined
      ? []
      : [[name, kept.at, `\`${kept.commit.slice(0, 12)}\``, `${kept.seconds} s`]];
  });
  return table(['section', 'measured at', 'commit', 'took'], lines);
}

function pathOf({ name }: Suite): string {
  return join(import.meta.dirname, `../../docs/${name}.md`);
}
