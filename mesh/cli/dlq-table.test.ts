import { expect, test } from '@jest/globals';
import { DeadLetter, DeadLetterState } from '../../gen/weft/admin/v1/dead_letters.ts';
import { lettersTable, letterText } from './dlq-table.ts';

const stopping = DeadLetter.fromPartial({
  ...{ id: '01K8Z', consumer: 'warehouse', key: 'order-17', keyWaits: 3 },
  ...{ type: 'shop.orders.v1.OrderConfirmed', state: DeadLetterState.DEAD, failures: 5 },
  lastFailures: [{ status: 'NOT_FOUND', reason: 'NO_SHELF', message: 'no shelf holds TEA-BLACK' }],
});
const found = <T>(letter: T): { service: string; letter: T } => ({ service: 'warehouse', letter });

test('a letter for which its key stands still says so, with how many events wait behind it', () => {
  const on = { ...stopping, key: 'order-18', keyWaits: undefined };
  const text = lettersTable([stopping, on].map(found), { replayed: false, nowMs: 0 });
  expect(text).toMatch(/order-17 \(stopped, 3 wait\) .* NO_SHELF: no shelf holds TEA-BLACK/);
  expect(text).toMatch(/order-18 {2,}/);
  const whole = { letter: stopping, headers: {}, payload: Buffer.of(), payloadJson: '' };
  expect(letterText(found(whole))).toMatch(
    /^key +order-17 \(stopped, 3 wait\) until this is replayed or dropped$/m,
  );
});
