import { type Way, type WriterTables, wayOf } from './ways.ts';

/** What became of the orders of one way. */
export interface Count {
  readonly rows: number;
  readonly events: number;
  /** Rows that nobody was told of. */
  readonly lost: number;
  /** Events of orders that there are not. */
  readonly phantoms: number;
  /** Events that stand on the channel twice. */
  readonly doubled: number;
}

/** Holds the rows of the databases against the orders of all events on the channel, way by way. */
export function countAll(
  rows: readonly WriterTables['written'][],
  stored: readonly string[],
): Record<Way, Count> {
  const count = (way: Way): Count => {
    const events = stored.filter((orderId) => wayOf(orderId) === way);
    const told = new Set(events);
    const written = new Set(rows.filter((row) => row.way === way).map((row) => row.order_id));
    return {
      rows: written.size,
      events: events.length,
      lost: [...written].filter((orderId) => !told.has(orderId)).length,
      phantoms: [...told].filter((orderId) => !written.has(orderId)).length,
      doubled: events.length - told.size,
    };
  };
  return {
    'row, then publish': count('row, then publish'),
    'publish, then row': count('publish, then row'),
    outbox: count('outbox'),
  };
}
