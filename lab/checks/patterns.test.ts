import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const docs = join(import.meta.dirname, '../../docs');
const page = readFileSync(join(docs, 'patterns.md'), 'utf8');

interface Pattern {
  readonly group: string;
  readonly name: string;
  readonly code: readonly string[];
  readonly proof: readonly string[];
  readonly measured: readonly string[];
}

/** The targets of the links of a cell. */
function linksOf(cell: string): string[] {
  return [...cell.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
}

function patternsOf(text: string): Pattern[] {
  let group = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('## ')) group = line.slice(3);
    const [, name = '', code = '', proof = '', measured = ''] =
      line.split(' | ').length === 4
        ? ['', ...line.replace(/^\| /, '').replace(/ \|$/, '').split(' | ')]
        : [];
    if (name === '' || name === 'pattern' || name.startsWith('---')) return [];
    const cells = { code: linksOf(code), proof: linksOf(proof), measured: linksOf(measured) };
    return [{ group, name, ...cells }];
  });
}

/** The name under which a heading is linked to, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function leadsSomewhere(target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = join(docs, file);
  if (!existsSync(path)) return false;
  if (anchor === undefined) return true;
  const headings = readFileSync(path, 'utf8').match(/^#+ .*$/gm) ?? [];
  return headings.some((line) => anchorOf(line.replace(/^#+ /, '')) === anchor);
}

const patterns = patternsOf(page);

test('the page has the patterns of interaction, discovery, messaging and failure, each once', () => {
  const groups = Map.groupBy(patterns, ({ group }) => group);
  expect([...groups.keys()]).toEqual(['Interaction styles', 'Discovery', 'Messaging', 'Failure']);
  for (const found of groups.values()) expect(found.length).toBeGreaterThan(3);
  const names = patterns.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

test.each(patterns)('$group, $name: code, proof and measure are there', (pattern) => {
  const { code, proof, measured } = pattern;
  const dead = [...code, ...proof, ...measured].filter((target) => !leadsSomewhere(target));
  expect(dead).toEqual([]);
  expect(code.filter((target) => target.endsWith('.ts') && !target.includes('.test.'))).not.toEqual(
    [],
  );
  expect(proof.filter((target) => target.endsWith('.test.ts'))).not.toEqual([]);
  expect(
    proof.filter((target) => !/\btest(?:\.each)?[.(]|Contract\(/.test(textOf(target))),
  ).toEqual([]);
  expect(measured.filter((target) => target.includes('.md#'))).not.toEqual([]);
});

function textOf(target: string): string {
  return readFileSync(join(docs, target), 'utf8');
}

test('a link that leads nowhere is found', () => {
  expect(leadsSomewhere('patterns.md#failure')).toBe(true);
  expect(leadsSomewhere('patterns.md#failures')).toBe(false);
  expect(leadsSomewhere('../mesh/rpc/client/nothing.ts')).toBe(false);
});
