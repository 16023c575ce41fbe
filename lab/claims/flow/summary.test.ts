import { expect, test } from '@jest/globals';
import type { Placed } from './customers.ts';
import type { Ledger } from './ledger.ts';
import { summarize } from './summary.ts';
import { type DeskName, desks, type OrderRow, type PartRow } from './wire.ts';

const atMs = 1000;

function placed(orderId: string, answer: Placed['answer'], more: Partial<Placed> = {}): Placed {
  return { orderId, answer, refusedBy: '', atMs, tookMs: 10, ...more };
}

/** The books of one order: the states of its parts, in the order of the desks. */
function books(
  orderId: string,
  status: OrderRow['status'],
  ...states: readonly PartRow['state'][]
): Ledger {
  const bookOf = (desk: DeskName): ReadonlyMap<string, PartRow> => {
    const state = states[desks.indexOf(desk)];
    const at = atMs + 100 * (1 + desks.indexOf(desk));
    return new Map(state === undefined ? [] : [[orderId, { order_id: orderId, state, at }]]);
  };
  return {
    orders: new Map([[orderId, { order_id: orderId, refused_by: '', status, placed_at: atMs }]]),
    parts: {
      inventory: bookOf('inventory'),
      payments: bookOf('payments'),
      warehouse: bookOf('warehouse'),
      notifications: bookOf('notifications'),
    },
  };
}

test('an order that was confirmed in time and carried out is right, and ends with its last part', () => {
  const ledger = books('a', 'confirmed', 'done', 'done', 'done', 'done');
  const summary = summarize([placed('a', 'confirmed')], ledger);
  expect(summary).toMatchObject({ inTime: 1, carriedOut: 1, endP50Ms: 400, lost: 0, halfDone: 0 });
  expect(summary.fates.right).toBe(1);
});

test('an order whose customer heard an error, and which was carried out, came later', () => {
  const ledger = books('a', 'confirmed', 'done', 'done', 'done', 'done');
  const summary = summarize([placed('a', 'error')], ledger);
  expect(summary).toMatchObject({ inTime: 0, carriedOut: 1 });
  expect(summary.fates.later).toBe(1);
});

test('an order that was accepted although the card is refused was accepted wrongly', () => {
  const ledger = books('a', 'declined', 'undone', 'refused');
  const summary = summarize([placed('a', 'accepted', { refusedBy: 'payments' })], ledger);
  expect(summary).toMatchObject({ wronglyAccepted: 1, lost: 0, halfDone: 0, takenBack: 1 });
  expect(summary.fates.withdrawn).toBe(1);
});

test('an order of which nothing is left after an error was turned away', () => {
  const ledger = books('a', 'failed', 'undone', 'void');
  const summary = summarize([placed('a', 'error')], ledger);
  expect(summary).toMatchObject({ carriedOut: 0, lost: 0, halfDone: 0, takenBack: 1 });
  expect(summary.fates['turned away']).toBe(1);
});

test('stock that nobody gives back is half an order', () => {
  const ledger = books('a', 'pending', 'done');
  const summary = summarize([placed('a', 'error')], ledger);
  expect(summary).toMatchObject({ halfDone: 1, lost: 0 });
  expect(summary.fates.broken).toBe(1);
});

test('an order that was confirmed and never came is lost', () => {
  const summary = summarize([placed('a', 'confirmed')], books('a', 'confirmed', 'done', 'done'));
  expect(summary).toMatchObject({ lost: 1, halfDone: 1 });
  expect(summary.fates.broken).toBe(1);
});

test('an answer after a second is none in time', () => {
  const ledger = books('a', 'confirmed', 'done', 'done', 'done', 'done');
  const summary = summarize([placed('a', 'confirmed', { tookMs: 1001 })], ledger);
  expect(summary.inTime).toBe(0);
  expect(summary.fates.later).toBe(1);
});
