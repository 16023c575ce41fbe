import { expect, test } from '@jest/globals';
import type { Row } from '../house/rows.ts';
import { cents, pieces } from '../house/shop.ts';
import type { Customers } from './customers.ts';
import { type Ask, ledgerText, readLedger } from './ledger.ts';

const told: Customers['told'] = new Map([
  ['key-1', { orderId: 'one', what: 'confirmed' }],
  ['key-2', { orderId: 'two', what: 'declined' }],
]);
const perOrder = Object.values(pieces).reduce((sum, count) => sum + count, 0);

/** Books in which all is well, but for the tables that a test gives: by a word of the statement. */
function books(wrong: Readonly<Record<string, readonly Row[]>> = {}): Ask {
  const well: Readonly<Record<string, readonly Row[]>> = {
    "'shipped')": [{ order_id: 'one', n: 1 }],
    "status = 'declined'": [{ order_id: 'two', n: 1 }],
    "'charged'": [{ order_id: 'one', n: cents }],
    'from shelves': [{ sku: 'TEA-GREEN', available: 999_998, reserved: 2, promised: 2 }],
    'from reservations': [{ order_id: 'one', n: perOrder }],
    'from picks': [{ order_id: 'one', n: 1 }],
    '%confirmed%': [{ order_id: 'one', n: 1 }],
    '%declined%': [{ order_id: 'two', n: 1 }],
    weft_outbox: [{ n: 0 }],
    weft_dead_letter: [{ n: 0 }],
    ...wrong,
  };
  return async (_, sql) => Object.entries(well).find(([word]) => sql.includes(word))?.[1] ?? [];
}

test('books in which every order has each of its effects once add up', async () => {
  const ledger = await readLedger(books(), told);
  expect(ledger).toMatchObject({ lost: [], doubled: [], unsent: 0, deadLetters: 0 });
  expect(ledger.lines.every(({ is, due }) => is === due)).toBe(true);
  expect(ledgerText(ledger)).toContain('lost 0, doubled 0');
});

test.each([
  ['a pick that was not made', { 'from picks': [] }, 'one: 0 of 1 picks'],
  ['money that was not taken', { "'charged'": [] }, `one: 0 of ${String(cents)} cents charged`],
  ['an order that is not there', { "'shipped')": [] }, 'one: 0 of 1 orders that stand'],
])('%s is lost', async (_, wrong, words) => {
  const { lost, doubled } = await readLedger(books(wrong), told);
  expect({ lost, doubled }).toEqual({ lost: [words], doubled: [] });
});

test.each([
  [
    'a customer who was told twice',
    { '%confirmed%': [{ order_id: 'one', n: 2 }] },
    'one: 2 of 1 customers told "confirmed"',
  ],
  [
    'a charge for an order that was declined',
    {
      "'charged'": [
        { order_id: 'one', n: cents },
        { order_id: 'two', n: cents },
      ],
    },
    `two: ${String(cents)} of 0 cents charged`,
  ],
  [
    'a pick that nobody ordered',
    {
      'from picks': [
        { order_id: 'one', n: 1 },
        { order_id: 'nine', n: 1 },
      ],
    },
    'nine: picks, and nobody ordered',
  ],
  [
    'a piece that nobody delivered',
    { 'from shelves': [{ sku: 'TEA-GREEN', available: 999_999, reserved: 2, promised: 2 }] },
    'TEA-GREEN: 999999 free and 2 reserved, 2 promised',
  ],
])('%s is one too many', async (_, wrong, words) => {
  const { lost, doubled } = await readLedger(books(wrong), told);
  expect({ lost, doubled }).toEqual({ lost: [], doubled: [words] });
});
