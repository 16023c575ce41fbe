import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readResults } from '../result-file.ts';
import { renderTables } from './tables.ts';

const path = join(import.meta.dirname, '../../docs/bench.md');
const begin = '<!-- figures: written by make bench, not by hand -->';
const end = '<!-- /figures -->';

/** docs/bench.md as lab/results/bench.json wants it. */
export function documentNow(): { readonly is: string; readonly should: string } {
  const is = readFileSync(path, 'utf8');
  const [head, rest = ''] = is.split(begin);
  const [, tail] = rest.split(end);
  if (head === undefined || tail === undefined) throw new Error(`${path} has lost its markers`);
  const tables = renderTables(readResults().get('bench'));
  return { is, should: `${head}${begin}\n\n${tables}\n\n${end}${tail}` };
}

/** Puts the figures into docs/bench.md. */
export function writeDocument(): void {
  writeFileSync(path, documentNow().should);
}
