import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Result, readResults } from './result-file.ts';

/**
 * Figures that pages quote in their own sentences and tables: a number, and behind it where it was measured, as
 * a comment that readers do not see: 5.89<!-- bench/bars/lane-32-throughput-x/value -->. `node lab/figures.ts`
 * brings all pages up to date; figures.test.ts fails where one is not.
 */

const root = join(import.meta.dirname, '..');
const quoted = /-?\d+(?:\.\d+)?(?=<!-- ([\w-]+\/[^>]+) -->)/g;

/** The pages that may quote figures, by their path from the root. */
export function pages(): string[] {
  return ['README.md', ...globSync('docs/**/*.md', { cwd: root }).sort()];
}

/** The text of a page, and how it should be. */
export function pageNow(page: string): { readonly is: string; readonly should: string } {
  const is = readFileSync(join(root, page), 'utf8');
  return { is, should: withFigures(is, readResults()) };
}

/** `text` with each quoted figure as it was measured last. Throws for one that was not measured. */
export function withFigures(text: string, results: ReadonlyMap<string, Result>): string {
  return text.replace(quoted, (_, path: string) => String(figureAt(path, results)));
}

/** How many figures a text quotes. */
export function countFigures(text: string): number {
  return [...text.matchAll(quoted)].length;
}

/** <result>/bars/<name>/value, or <result>/sections/… and whatever else its data holds. */
function figureAt(path: string, results: ReadonlyMap<string, Result>): number {
  const [name = '', ...steps] = path.split('/');
  const result = results.get(name);
  let found: unknown =
    steps[0] === 'bars' ? { bars: Object.fromEntries(barsOf(result)) } : result?.data;
  for (const step of steps) found = isRecord(found) ? found[step] : undefined;
  if (typeof found === 'number') return found;
  throw new Error(`lab/results/${name}.json has no figure at ${steps.join('/')}`);
}

function barsOf(result: Result | undefined): (readonly [string, unknown])[] {
  return result?.bars.map((bar) => [bar.name, bar] as const) ?? [];
}

/** An array is one too: its steps are numbers. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

if (import.meta.main) {
  for (const page of pages()) {
    const { is, should } = pageNow(page);
    if (is !== should) writeFileSync(join(root, page), should);
  }
}
