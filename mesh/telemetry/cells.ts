import type { TransportKind } from '../kernel/call.ts';
import { type Status, statusCode, statusName } from '../kernel/status.ts';
import { bucketOf, latencyBoundsMs, sizeBounds } from './histogram.ts';

/**
 * Where measurements are kept. A cell is one array of plain numbers: a record is a few additions in place,
 * and all that costs more (names, labels, text) happens when somebody reads. The array holds doubles, so
 * that no count and no sum is ever an object on the heap.
 */

/** The places of a cell: the latency's buckets and sum, and, where sizes are kept, those of both sizes. */
export const layout = (() => {
  const latencySum = latencyBoundsMs.length + 1;
  const sent = latencySum + 1;
  const sentSum = sent + sizeBounds.length + 1;
  const received = sentSum + 1;
  const receivedSum = received + sizeBounds.length + 1;
  return { latencySum, sent, sentSum, received, receivedSum } as const;
})();

/** What ended with one status, on one transport where that is told apart. */
export interface Cell {
  readonly status: Status;
  readonly transport: TransportKind;
  readonly values: Float64Array;
}

/** The cells of one meter, made when they are first needed: most methods only ever end in two or three ways. */
export interface Cells {
  /** Those that were made. */
  readonly made: readonly Cell[];
  /** The numbers of one; a status and a transport that are seen the first time make it. */
  of(status: Status, transport: TransportKind): Float64Array;
}

const transports: readonly TransportKind[] = ['plain', 'lane'];

export function createCells(size: 'latency' | 'latency and sizes'): Cells {
  const length = size === 'latency' ? layout.latencySum + 1 : layout.receivedSum + 1;
  const slots = new Array<Float64Array | undefined>(
    Object.keys(statusCode).length * transports.length,
  ).fill(undefined);
  const made: Cell[] = [];

  function make(index: number): Float64Array {
    const values = new Float64Array(length);
    slots[index] = values;
    const [plain, lane] = transports as [TransportKind, TransportKind];
    made.push({ status: statusName(index >> 1), transport: index & 1 ? lane : plain, values });
    return values;
  }

  return {
    made,
    of(status, transport) {
      const index = statusCode[status] * 2 + (transport === 'lane' ? 1 : 0);
      return slots[index] ?? make(index);
    },
  };
}

export function recordLatency(values: Float64Array, ms: number): void {
  const bucket = bucketOf(latencyBoundsMs, ms);
  values[bucket] = (values[bucket] as number) + 1;
  values[layout.latencySum] = (values[layout.latencySum] as number) + ms;
}

export function recordSizes(values: Float64Array, sent: number, received: number): void {
  const sentBucket = layout.sent + bucketOf(sizeBounds, sent);
  values[sentBucket] = (values[sentBucket] as number) + 1;
  values[layout.sentSum] = (values[layout.sentSum] as number) + sent;
  const receivedBucket = layout.received + bucketOf(sizeBounds, received);
  values[receivedBucket] = (values[receivedBucket] as number) + 1;
  values[layout.receivedSum] = (values[layout.receivedSum] as number) + received;
}

/** How many were recorded. */
export function totalOf(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < layout.latencySum; i++) total += values[i] ?? 0;
  return total;
}
