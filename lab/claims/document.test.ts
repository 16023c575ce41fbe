import { expect, test } from '@jest/globals';
import { markdownTable, withTable } from './document.ts';

const page = 'Before.\n\n<!-- claims: one -->\n\n| old |\n\n<!-- end -->\n\nAfter.\n';

test('a table goes into its place, again and again, and the prose stays', () => {
  const once = withTable(page, 'one', '| new |\n');
  expect(once).toBe('Before.\n\n<!-- claims: one -->\n\n| new |\n\n<!-- end -->\n\nAfter.\n');
  expect(withTable(once, 'one', '| new |')).toBe(once);
});

test('a table without a place is refused with the lines to write', () => {
  expect(() => withTable(page, 'two', '| new |')).toThrow(/<!-- claims: two -->/);
});

test('figures stand to the right of what they are of', () => {
  expect(markdownTable(['what', 'ms'], [['one', 1]])).toBe(
    '| what | ms |\n| --- | ---: |\n| one | 1 |',
  );
});
