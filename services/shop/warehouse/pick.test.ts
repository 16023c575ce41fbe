import { describe, expect, test } from '@jest/globals';
import {
  type AssignedPick,
  confirmation,
  type OpenPick,
  type ShippedPick,
  standing,
} from './pick.ts';

const pick = { orderId: 'ord_1', customerId: 'ada', lines: [], createdAtMs: 1 };
const held: AssignedPick = { ...pick, status: 'assigned', terminalId: 'T1', leaseUntilMs: 100 };
const open: OpenPick = { ...pick, status: 'open', lastTerminalId: undefined };
const shipped: ShippedPick = { ...pick, status: 'shipped', terminalId: 'T1', shippedAtMs: 50 };

describe('an assignment', () => {
  test('stands until its lease runs out, then the pick is open', () => {
    expect(standing(held, 99)).toBe(held);
    expect(standing(held, 100)).toEqual({ ...pick, status: 'open', lastTerminalId: 'T1' });
  });

  test('that is no assignment stands as it is', () => {
    expect(standing(open, 1000)).toBe(open);
    expect(standing(shipped, 1000)).toBe(shipped);
  });
});

describe("a terminal's word that a pick is packed", () => {
  test('ships what the terminal holds', () => {
    expect(confirmation(held, 'T1')).toEqual({ kind: 'ship' });
  });

  test('ships what the terminal lost with its connection and nobody took since', () => {
    expect(confirmation(standing(held, 1000), 'T1')).toEqual({ kind: 'ship' });
  });

  test('is heard once: said again it changes nothing', () => {
    expect(confirmation(shipped, 'T1')).toEqual({ kind: 'shipped-before' });
  });

  test.each([
    ['there is no such pick', undefined, 'T1'],
    ['another terminal holds it', held, 'T2'],
    ['another terminal shipped it', shipped, 'T2'],
    ['nobody was given it', open, 'T1'],
    ['another terminal held it last', standing(held, 1000), 'T2'],
  ])('is refused when %s', (_, it, terminal) => {
    expect(confirmation(it, terminal)).toMatchObject({ kind: 'refused' });
  });
});
