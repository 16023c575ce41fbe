import { expect, test } from '@jest/globals';
import { countAll } from './count.ts';
import { orderIdOf, type Way, type WriterTables, wayOf, ways } from './ways.ts';

const idOf = (way: Way, n: string): string => orderIdOf('w1-7', way, n);
const row = (way: Way, n: string): WriterTables['written'] => ({ order_id: idOf(way, n), way });

test.each(ways)('the id of an order says that it went the way "%s"', (way) => {
  expect(wayOf(idOf(way, '3-14'))).toBe(way);
});

test('a row without an event is lost, an event without a row a phantom, a second event a double', () => {
  const rows = [row('row, then publish', '0'), row('row, then publish', '1'), row('outbox', '0')];
  const stored = [
    idOf('row, then publish', '0'),
    idOf('publish, then row', '0'),
    idOf('outbox', '0'),
    idOf('outbox', '0'),
  ];
  expect(countAll(rows, stored)).toEqual({
    'row, then publish': { rows: 2, events: 1, lost: 1, phantoms: 0, doubled: 0 },
    'publish, then row': { rows: 0, events: 1, lost: 0, phantoms: 1, doubled: 0 },
    outbox: { rows: 1, events: 2, lost: 0, phantoms: 0, doubled: 1 },
  });
});
