import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { totalOf } from './cells.ts';
import { observeEventMeters } from './event-catalogue.ts';
import { type EventFigures, eventFigures } from './event-figures.ts';
import { createEventMeters, type EventMetrics } from './event-meters.ts';
import { type Figures, figuresOf, grownBy } from './figures.ts';
import type { MetricSpec } from './metric.ts';
import { createProcessMeter, type ProcessFigures } from './process-metrics.ts';
import { createRegistry, type MetricsRegistry } from './registry.ts';
import { activeCalls, observeRpc } from './rpc-catalogue.ts';
import {
  type ClientCells,
  count,
  createRpcMeters,
  type RpcMeters,
  type ServerCells,
} from './rpc-meters.ts';
import type { RpcMetrics } from './rpc-metrics.ts';
import { createWindow, type Window } from './window.ts';

/** All that one process measures of itself: one of these a process, handed to rpc, /metrics and admin. */
export interface Telemetry extends Closeable {
  /** What clients and servers tell of their calls. */
  readonly rpc: RpcMetrics;
  /** What publishers and consumers tell of their messages. */
  readonly events: EventMetrics;
  /** What /metrics shows; others add theirs with `observe`. */
  readonly registry: MetricsRegistry;
  /** The last minute, for people. */
  lastMinute(): LastMinute;
}

export interface TelemetryOptions {
  readonly clock: Clock;
  /** The name of the service that this process is an instance of. */
  readonly service: string;
  readonly instanceId: string;
}

/** What was measured within the window. Methods that are silent in it are here too, with zeros. */
export interface LastMinute {
  readonly seconds: number;
  readonly clients: readonly ClientFigures[];
  readonly servers: readonly ServerFigures[];
  readonly process: ProcessFigures;
  readonly events: EventFigures;
}

export interface ClientFigures {
  readonly target: string;
  readonly method: string;
  readonly streaming: boolean;
  /** After retries. */
  readonly calls: Figures;
  /** Each attempt for itself, by the transport on which it travelled. */
  readonly attempts: readonly TransportFigures[];
  readonly inFlight: number;
  /** Calls that took more than one attempt. */
  readonly retried: number;
  /** Calls that were refused before the first attempt. */
  readonly refused: number;
}

export interface ServerFigures {
  readonly method: string;
  readonly streaming: boolean;
  readonly calls: readonly TransportFigures[];
  readonly inFlight: number;
}

export interface TransportFigures {
  readonly transport: string;
  readonly figures: Figures;
}

const info: MetricSpec<'gauge'> = {
  ...{
    name: 'target.info',
    kind: 'gauge',
    unit: '',
    labels: ['service.name', 'service.instance.id'],
  },
  help: 'Which service and instance this is; always 1.',
};

/**
 * The metrics of one process: give `rpc` to clients and servers, `events` to `createEvents`, and `registry`
 * to `startMetricsServer`.
 */
export function createTelemetry({ clock, service, instanceId }: TelemetryOptions): Telemetry {
  const meters = createRpcMeters();
  const events = createEventMeters();
  const process = createProcessMeter(clock);
  const registry = createRegistry();
  const window = createWindow({
    clock,
    arrays: () => [...process.arrays, ...arraysOf(meters), ...events.arrays()],
  });
  registry.observe(info, () => [{ labels: [service, instanceId], value: 1 }]);
  observeRpc(registry, meters);
  observeEventMeters(registry, events);
  process.observe(registry, window);
  return {
    rpc: meters,
    events,
    registry,
    lastMinute: () => ({
      seconds: window.seconds(),
      clients: meters.clients.map((cells) => clientFigures(cells, window)),
      servers: meters.servers.map((cells) => serverFigures(cells, window)),
      process: process.figures(window),
      events: eventFigures(events, window),
    }),
    close() {
      window.close();
      process.close();
      return Promise.resolve();
    },
  };
}

function* arraysOf({ clients, servers }: RpcMeters): Generator<Float64Array> {
  for (const { counts, calls, refused, attempts } of clients) {
    yield counts;
    for (const cells of [calls, refused, attempts])
      for (const { values } of cells.made) yield values;
  }
  for (const { calls } of servers) for (const { values } of calls.made) yield values;
}

function clientFigures(cells: ClientCells, window: Window): ClientFigures {
  const { target, method, streaming } = cells;
  const grown = grownBy(cells.counts, window);
  const refused = cells.refused.made.map(({ values }) => totalOf(grownBy(values, window)));
  return {
    ...{ target, method, streaming },
    calls: figuresOf(cells.calls.made, window),
    attempts: byTransport(cells.attempts.made, window),
    inFlight: activeCalls(cells),
    retried: grown[count.repeated] ?? 0,
    refused: refused.reduce((sum, each) => sum + each, 0),
  };
}

function serverFigures(cells: ServerCells, window: Window): ServerFigures {
  const { method, streaming } = cells;
  const calls = byTransport(cells.calls.made, window);
  return { method, streaming, calls, inFlight: activeCalls(cells) };
}

function byTransport(cells: ClientCells['attempts']['made'], window: Window): TransportFigures[] {
  return [...Map.groupBy(cells, ({ transport }) => transport)].map(([transport, made]) => {
    return { transport, figures: figuresOf(made, window) };
  });
}
