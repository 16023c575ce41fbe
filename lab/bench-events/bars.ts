import type { Row } from '../suite/suite.ts';

/** The parts of the bench of events. */
export type SectionName =
  | 'publish'
  | 'relay'
  | 'latency'
  | 'inbox'
  | 'partitions'
  | 'replay'
  | 'peers'
  | 'heap';

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
  [
    'commit-to-handler-p50-ms',
    '<=',
    3,
    'ms',
    'latency',
    'from the commit that publishes to the handler, one at a time, the median, the worse of SQLite and PostgreSQL',
  ],
  [
    'commit-to-handler-p99-ms',
    '<=',
    25,
    'ms',
    'latency',
    'the same, one in a hundred takes longer',
  ],
  [
    'inbox-sqlite-per-s',
    '>=',
    5_000,
    'events/s',
    'inbox',
    'events/s handled, each with its row in the inbox and one row of effect, SQLite',
  ],
  [
    'inbox-postgres-per-s',
    '>=',
    3_000,
    'events/s',
    'inbox',
    'events/s handled, each with its row in the inbox and one row of effect, PostgreSQL',
  ],
  [
    'partitions-8-per-s',
    '>=',
    10_000,
    'events/s',
    'partitions',
    'events/s in the order of their keys over 8 partitions, the order checked, without inbox',
  ],
  [
    'partitions-8-inbox-per-s',
    '>=',
    4_000,
    'events/s',
    'partitions',
    'the same, each with its row in the inbox and one row of effect, SQLite',
  ],
  [
    'replay-x',
    '>=',
    0.8,
    'x',
    'replay',
    "events/s of a channel from its beginning, over the plain client's ordered consumer",
  ],
  [
    'heap-1e6-x',
    '<=',
    1.05,
    'x',
    'heap',
    'heap after 1 000 000 events from outbox to inbox over that after 200 000, garbage collected',
  ],
];
