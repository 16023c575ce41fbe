import type { Row } from '../suite/suite.ts';

/** The parts of the bench. */
export type SectionName =
  | 'unary'
  | 'peers'
  | 'bodies'
  | 'methods'
  | 'streams'
  | 'rate'
  | 'unix'
  | 'sidecar'
  | 'slow-backend'
  | 'discovery'
  | 'picks'
  | 'split'
  | 'heap';

/**
 * What the bench is held against, set before anything was measured. "x" is a ratio to the bare generated stub
 * and a bare grpc-js server in the same run, unless it says otherwise.
 */
export const rows: readonly Row<SectionName>[] = [
  [
    'lane-32-client-cpu-x',
    '<=',
    0.15,
    'x',
    'unary',
    'client CPU per call over the lane, 32 in flight',
  ],
  [
    'lane-32-server-cpu-x',
    '<=',
    0.2,
    'x',
    'unary',
    'server CPU per call over the lane, 32 in flight',
  ],
  ['lane-32-throughput-x', '>=', 6, 'x', 'unary', 'calls/s over the lane, 32 in flight'],
  ['lane-32-p99-x', '<=', 0.35, 'x', 'unary', 'p99 over the lane, 32 in flight'],
  [
    'lane-128-client-cpu-x',
    '<=',
    0.12,
    'x',
    'unary',
    'client CPU per call over the lane, 128 in flight',
  ],
  [
    'lane-128-server-cpu-x',
    '<=',
    0.2,
    'x',
    'unary',
    'server CPU per call over the lane, 128 in flight',
  ],
  ['lane-128-throughput-x', '>=', 8, 'x', 'unary', 'calls/s over the lane, 128 in flight'],
  ['lane-1-p50-x', '<=', 0.4, 'x', 'unary', 'p50 over the lane, 1 in flight'],
  [
    'lane-1-client-cpu-x',
    '<=',
    0.4,
    'x',
    'unary',
    'client CPU per call over the lane, 1 in flight',
  ],
  [
    'lane-200rps-client-cpu-x',
    '<=',
    0.65,
    'x',
    'rate',
    'client CPU per call over the lane, 200 calls/s open loop, idle subtracted',
  ],
  [
    'lane-mixed-small-p99-x',
    '<=',
    0.8,
    'x',
    'bodies',
    'p99 of small calls over the lane, one in ten of all calls with 64 KiB',
  ],
  [
    'lane-slow-method-others-p99-x',
    '<=',
    1.1,
    'x',
    'methods',
    'p99 of a fast method over the lane, a slow one called beside it, over the same without the slow one',
  ],
  ['plain-32-client-cpu-x', '<=', 0.9, 'x', 'unary', 'client CPU per plain call, 32 in flight'],
  ['plain-128-client-cpu-x', '<=', 0.9, 'x', 'unary', 'client CPU per plain call, 128 in flight'],
  [
    'plain-32-alloc-x',
    '<=',
    1,
    'x',
    'unary',
    'bytes allocated by the client per plain call, 32 in flight',
  ],
  ['plain-32-server-cpu-x', '<=', 1.1, 'x', 'unary', 'server CPU per plain call, 32 in flight'],
  ['unix-1-p50-x', '<=', 0.95, 'x', 'unix', 'p50 over a Unix socket over that of TCP, 1 in flight'],
  [
    'sidecar-added-p50-x',
    '<=',
    0.2,
    'x',
    'sidecar',
    'p50 that weft adds over p50 that the proxy pair adds, 200 calls/s; below zero counts as zero',
  ],
  [
    'slow-backend-success',
    '>=',
    0.999,
    '',
    'slow-backend',
    'share of calls answered within 1 s, one of 11 backends slow, 1 000 calls/s, 60 s',
  ],
  [
    'discovery-first-call-ms',
    '<=',
    250,
    'ms',
    'discovery',
    'from passing in Consul to the first call served, the worst of all tries',
  ],
  [
    'death-last-call-ms',
    '<=',
    100,
    'ms',
    'discovery',
    'from SIGKILL to the last call sent there, the worst of all tries',
  ],
  [
    'death-failed',
    '<=',
    0,
    'calls',
    'discovery',
    'idempotent calls that failed while instances were killed',
  ],
  ['pick-3-ns', '<=', 100, 'ns', 'picks', 'choosing one of 3 endpoints'],
  ['pick-1000-ns', '<=', 300, 'ns', 'picks', 'choosing one of 1 000 endpoints'],
  [
    'split-error',
    '<=',
    0.01,
    '',
    'split',
    'largest difference from a configured share over 10 000 calls',
  ],
  [
    'heap-1e6-x',
    '<=',
    1.05,
    'x',
    'heap',
    'heap after 1 000 000 calls over that after 200 000, garbage collected, the worse of plain and lane',
  ],
];
