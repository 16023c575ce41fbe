import { type Bounds, bucketOf } from './histogram.ts';
import type { MetricSpec } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/** What tells a registry of requests over HTTP. */
export interface HttpMeter {
  /** A request has come; what it gives tells of its end. `route`: the one of few that was asked; "" for none. */
  began(method: string): (route: string, code: number, durationMs: number) => void;
  /** A connection has left HTTP; what it gives tells that it is closed. */
  upgraded(path: string): () => void;
}

const labels = ['http.request.method', 'http.route', 'http.response.status_code'];

const duration: MetricSpec<'histogram'> = {
  ...{ name: 'http.server.request.duration', kind: 'histogram', unit: 's', labels },
  help: 'Time of a request of the edge until all of its answer is on its way; 499: its client left.',
};
const active: MetricSpec<'gauge'> = {
  ...{ name: 'http.server.active_requests', kind: 'gauge', unit: '{request}' },
  labels: ['http.request.method'],
  help: 'Requests of the edge that are under way.',
};
const open: MetricSpec<'gauge'> = {
  ...{ name: 'weft.edge.connections', kind: 'gauge', unit: '{connection}', labels: ['url.path'] },
  help: 'Connections that left HTTP, as those of WebSocket, and are open.',
};

/** The buckets that OpenTelemetry's conventions of HTTP advise, in ms. */
const boundsMs: Bounds = Float64Array.of(
  ...[5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000],
);

/** Whoever may invent methods could invent series; OpenTelemetry's conventions name the rest so. */
const otherMethod = '_OTHER';
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

interface Cell {
  readonly labels: readonly string[];
  readonly counts: Float64Array;
  sum: number;
}

/** Metrics of HTTP by the names of OpenTelemetry's conventions; methods, routes and codes are few by their nature. */
export function createHttpMeter(registry: Pick<MetricsRegistry, 'observe'>): HttpMeter {
  const cells = new Map<string, Cell>();
  const running = new Map<string, number>();
  const connections = new Map<string, number>();
  registry.observe(duration, () =>
    Array.from(cells.values(), (cell) => ({ ...cell, bounds: boundsMs, scale: 0.001 })),
  );
  registry.observe(active, () => samplesOf(running));
  registry.observe(open, () => samplesOf(connections));

  function cellOf(...of: readonly string[]): Cell {
    const key = of.join(' ');
    const cell = cells.get(key) ?? {
      ...{ labels: of, counts: new Float64Array(boundsMs.length + 1), sum: 0 },
    };
    cells.set(key, cell);
    return cell;
  }
  return {
    began(said) {
      const method = methods.has(said) ? said : otherMethod;
      const ended = enter(running, method);
      return (route, code, durationMs) => {
        ended();
        const cell = cellOf(method, route, String(code));
        const bucket = bucketOf(boundsMs, durationMs);
        cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
        cell.sum += durationMs;
      };
    },
    upgraded: (path) => enter(connections, path),
  };
}

/** Counts one in, and out by what it gives. */
function enter(counts: Map<string, number>, name: string): () => void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
  return () => {
    counts.set(name, (counts.get(name) ?? 0) - 1);
  };
}

function samplesOf(counts: ReadonlyMap<string, number>) {
  return Array.from(counts, ([name, value]) => ({ labels: [name], value }));
}
