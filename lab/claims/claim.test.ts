import { expect, test } from '@jest/globals';
import { type Claim, claimsIn, claimsTable, countClaims, mergeClaims, sources } from './claim.ts';

const claim = (words: string, held = true): Claim => ({
  ...{ claim: words, source: sources.howTo, setup: 'a | b', result: '3 ms', held },
});

test('what did not run now keeps what it stated before, and what never ran is unmeasured', () => {
  const before = claimsIn({ claims: { chain: [claim('old')], flow: [claim('kept')], gone: [] } });
  const merged = mergeClaims(
    ['chain', 'flow', 'new'],
    before,
    new Map([['chain', [claim('one'), claim('two', false)]]]),
  );
  expect(countClaims(merged)).toEqual({ stated: 3, unmeasured: 1 });
  expect([...merged.values()].flat().map((each) => each.claim)).toEqual(['one', 'two', 'kept']);
});

test('a claim that did not hold is shown as such', () => {
  const table = claimsTable(new Map([['chain', [claim('one', false)]]]));
  expect(table.split('\n')[2]).toBe(
    `| one | **no** | 3 ms | a \\| b | "${sources.howTo}" | \`chain\` |`,
  );
});

test('results of another shape state nothing', () => {
  expect(claimsIn({ chain: {} }).size).toBe(0);
  expect(claimsIn(undefined).size).toBe(0);
});
