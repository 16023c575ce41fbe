import { expect, test } from '@jest/globals';
import { documentNow } from '../suite/document.ts';
import { suite } from './suite.ts';

test('the tables of docs/bench-events.md are those of lab/results/bench-events.json', () => {
  const { is, should } = documentNow(suite);
  expect(is).toBe(should);
});

test('every bar belongs to a section', () => {
  for (const [, , , , section] of suite.rows)
    expect(Object.keys(suite.sections)).toContain(section);
});
