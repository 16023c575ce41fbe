import type { Row } from '../suite/suite.ts';

/** The parts of the bench of events. */
export type SectionName = 'publish' | 'relay';

/**
 * What the bench is held against, set before anything was measured. "x" is a ratio to the plain client doing the
 * same work in the same run.
 */
export const rows: readonly Row<SectionName>[] = [
  [
    'publish-128-x',
    '>=',
    3,
    'x',
    'publish',
    'messages/s published and acked, 128 in flight, over js.publish with as many in flight',
  ],
  [
    'publish-512-x',
    '>=',
    3,
    'x',
    'publish',
    'messages/s published and acked, 512 in flight, over js.publish with as many in flight',
  ],
  [
    'relay-sqlite-x',
    '>=',
    0.8,
    'x',
    'relay',
    'rows/s brought from an SQLite outbox to the stream, over a bare pipelined loop on the same rows',
  ],
  [
    'relay-sqlite-per-s',
    '>=',
    15_000,
    'rows/s',
    'relay',
    'rows/s brought from an SQLite outbox to the stream',
  ],
  [
    'relay-postgres-x',
    '>=',
    0.8,
    'x',
    'relay',
    'rows/s brought from a PostgreSQL outbox to the stream, over a bare pipelined loop on the same rows',
  ],
];
