import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const pages = [
  ...globSync('*.md', { cwd: root }),
  ...globSync('{docs,deploy,services}/**/*.md', { cwd: root }),
];

/** The name under which a heading is linked to, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** What is wrong with a link of a page within this repository; undefined where nothing is. */
function faultOf(page: string, target: string): string | undefined {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? join(root, page) : join(root, dirname(page), file);
  if (!existsSync(path)) return `${page}: ${target} is not there`;
  if (anchor === undefined || statSync(path).isDirectory() || !path.endsWith('.md')) return;
  const headings = prose(readFileSync(path, 'utf8')).match(/^#+ .*$/gm) ?? [];
  const anchors = headings.map((line) => anchorOf(line.replace(/^#+ /, '')));
  return anchors.includes(anchor) ? undefined : `${page}: ${target} names no heading`;
}

/** A page without its code, which may hold what only looks like a link. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

function linksOf(page: string): string[] {
  const text = prose(readFileSync(join(root, page), 'utf8'));
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^(?:https?|mailto):/.test(target));
}

test('every link from page to page leads to a file that is there, and to a heading of it', () => {
  const links = pages.flatMap((page) => linksOf(page).map((target) => ({ page, target })));
  expect(links.length).toBeGreaterThan(200);
  expect(links.flatMap(({ page, target }) => faultOf(page, target) ?? [])).toEqual([]);
});

test('a link that leads nowhere is found', () => {
  expect(faultOf('docs/README.md', 'guides/nothing.md')).toMatch('is not there');
  expect(faultOf('README.md', 'docs/patterns.md#nothing')).toMatch('names no heading');
  expect(faultOf('README.md', 'docs/patterns.md#failure')).toBeUndefined();
});

test('every page of docs/ is on the map, docs/README.md', () => {
  const mapped = new Set(linksOf('docs/README.md').map((target) => join('docs', target)));
  const missing = pages.filter((page) => page.startsWith('docs/') && !mapped.has(page));
  expect(missing.filter((page) => page !== 'docs/README.md')).toEqual([]);
});
