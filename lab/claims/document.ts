import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const docs = join(import.meta.dirname, '../../docs');

/**
 * Puts a table into its place in docs/claims.md: between `<!-- claims: name -->` and `<!-- end -->`. The prose
 * around it is written by people, and stays. Throws where there is no such place: a figure that nobody reads
 * is not worth measuring.
 */
export function withTable(page: string, name: string, table: string): string {
  const opening = `<!-- claims: ${name} -->`;
  const begin = page.indexOf(opening);
  const end = page.indexOf('<!-- end -->', begin);
  if (begin === -1 || end === -1) {
    throw new Error(
      `docs/claims.md has no place for ${name}: write "${opening}" and "<!-- end -->"`,
    );
  }
  return `${page.slice(0, begin + opening.length)}\n\n${table.trim()}\n\n${page.slice(end)}`;
}

export function writeTables(tables: Readonly<Record<string, string>>): void {
  const path = join(docs, 'claims.md');
  const page = Object.entries(tables).reduce(
    (text, [name, table]) => withTable(text, name, table),
    readFileSync(path, 'utf8'),
  );
  writeFileSync(path, page);
}

export function writeCharts(charts: Readonly<Record<string, string>>): void {
  mkdirSync(join(docs, 'images'), { recursive: true });
  for (const [name, svg] of Object.entries(charts)) {
    writeFileSync(join(docs, 'images', `claims-${name}.svg`), svg);
  }
}

/** A table in Markdown; figures to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
