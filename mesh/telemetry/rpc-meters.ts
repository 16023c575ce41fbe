import type { MethodInfo } from '../kernel/call.ts';
import { type Cells, createCells, recordLatency, recordSizes } from './cells.ts';
import {
  type Bounds,
  bucketOf,
  latencyBoundsMs,
  retryBounds,
  transparentBounds,
} from './histogram.ts';
import type { ClientMeter, RpcMetrics, ServerMeter } from './rpc-metrics.ts';

/** What was measured of one method as its callers see it. */
export interface ClientCells {
  readonly target: string;
  /** As "shop.orders.v1.OrdersService/PlaceOrder". */
  readonly method: string;
  readonly streaming: boolean;
  /** Whole calls, after retries; all of them are under 'plain', for one call may travel on both. */
  readonly calls: Cells;
  /** Whole calls that were refused before their first attempt; part of `calls`. */
  readonly refused: Cells;
  readonly attempts: Cells;
  readonly counts: Float64Array;
}

/** What was measured of one method as its server sees it. */
export interface ServerCells {
  readonly method: string;
  readonly streaming: boolean;
  readonly calls: Cells;
  readonly counts: Float64Array;
}

/** The places of `counts`; the first three are the same on both sides. */
export const count = {
  started: 0,
  ended: 1,
  attempts: 2,
  /** Calls with more than one attempt. */
  repeated: 3,
} as const;

/** A histogram within `counts`: its buckets from `at`, and behind them the sum. */
export interface Stretch {
  readonly at: number;
  readonly bounds: Bounds;
}

/** What gRFC A96 counts of one call. */
export const stretches = (() => {
  const retries: Stretch = { at: count.repeated + 1, bounds: retryBounds };
  const transparent: Stretch = { at: sumAt(retries) + 1, bounds: transparentBounds };
  const hedges: Stretch = { at: sumAt(transparent) + 1, bounds: retryBounds };
  const delayMs: Stretch = { at: sumAt(hedges) + 1, bounds: latencyBoundsMs };
  return { retries, transparent, hedges, delayMs } as const;
})();

/** The place of its sum. */
export function sumAt({ at, bounds }: Stretch): number {
  return at + bounds.length + 1;
}

/** The one implementation of RpcMetrics, with what it measured. */
export interface RpcMeters extends RpcMetrics {
  readonly clients: readonly ClientCells[];
  readonly servers: readonly ServerCells[];
}

/**
 * How many methods are told apart on either side, in sum over all targets. Each has some kilobytes of its
 * own and up to a few hundred lines in a scrape; whoever calls more (a proxy, a fuzzer) gets the rest under
 * "other", as gRFC A66 has it for unknown methods.
 */
const maxMethods = 1000;

export function createRpcMeters(): RpcMeters {
  const clients: ClientCells[] = [];
  const servers: ServerCells[] = [];
  const clientOf = bounded((target: string, method: string, streaming: boolean) => {
    const cells = newClientCells(target, method, streaming);
    clients.push(cells);
    return clientMeter(cells);
  });
  const serverOf = bounded((_: string, method: string, streaming: boolean) => {
    const cells = newServerCells(method, streaming);
    servers.push(cells);
    return serverMeter(cells);
  });
  return {
    clients,
    servers,
    client: (target, method) => clientOf(target, method),
    server: (method) => serverOf('', method),
  };
}

/** The same meter for the same method; beyond `maxMethods` one for all the rest. */
function bounded<M>(
  make: (target: string, method: string, streaming: boolean) => M,
): (target: string, method: MethodInfo) => M {
  const known = new Map<string, M>();
  let other: M | undefined;
  return (target, { path, kind }) => {
    const key = `${target} ${path}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    // A server calls so what it does not serve: the same series, for two of one name break a scrape.
    if (known.size >= maxMethods || path === '/other') {
      return (other ??= make('other', 'other', true));
    }
    const made = make(target, path.slice(1), kind !== 'unary');
    known.set(key, made);
    return made;
  };
}

function newClientCells(target: string, method: string, streaming: boolean): ClientCells {
  return {
    ...{ target, method, streaming },
    calls: createCells('latency'),
    refused: createCells('latency'),
    attempts: createCells('latency and sizes'),
    counts: new Float64Array(sumAt(stretches.delayMs) + 1),
  };
}

function newServerCells(method: string, streaming: boolean): ServerCells {
  return {
    ...{ method, streaming },
    calls: createCells('latency and sizes'),
    counts: new Float64Array(count.ended + 1),
  };
}

function clientMeter({ calls, refused, attempts, counts }: ClientCells): ClientMeter {
  return {
    callStarted: () => {
      add(counts, count.started, 1);
    },
    callEnded(status, durationMs, made) {
      add(counts, count.ended, 1);
      recordLatency(calls.of(status, 'plain'), durationMs);
      if (made === 0) recordLatency(refused.of(status, 'plain'), durationMs);
    },
    callRepeated({ retries, transparent, hedges, delayMs }) {
      add(counts, count.repeated, 1);
      // A96 does not report calls that have none.
      if (retries > 0) record(counts, stretches.retries, retries);
      if (transparent > 0) record(counts, stretches.transparent, transparent);
      if (hedges > 0) record(counts, stretches.hedges, hedges);
      if (retries + transparent > 0) record(counts, stretches.delayMs, delayMs);
    },
    attemptStarted: () => {
      add(counts, count.attempts, 1);
    },
    // Numbers one by one: an object for each attempt would be what these cells avoid.
    // eslint-disable-next-line @typescript-eslint/max-params
    attemptEnded(status, durationMs, transport, sentBytes, receivedBytes) {
      const cell = attempts.of(status, transport);
      recordLatency(cell, durationMs);
      recordSizes(cell, sentBytes, receivedBytes);
    },
  };
}

function serverMeter({ calls, counts }: ServerCells): ServerMeter {
  return {
    callStarted: () => {
      add(counts, count.started, 1);
    },
    // As above.
    // eslint-disable-next-line @typescript-eslint/max-params
    callEnded(status, durationMs, transport, sentBytes, receivedBytes) {
      add(counts, count.ended, 1);
      const cell = calls.of(status, transport);
      recordLatency(cell, durationMs);
      recordSizes(cell, sentBytes, receivedBytes);
    },
  };
}

function record(counts: Float64Array, stretch: Stretch, value: number): void {
  add(counts, stretch.at + bucketOf(stretch.bounds, value), 1);
  add(counts, sumAt(stretch), value);
}

function add(counts: Float64Array, place: number, by: number): void {
  counts[place] = (counts[place] as number) + by;
}
