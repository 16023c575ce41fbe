import type { Clock } from '../kernel/clock.ts';
import { layout, recordLatency } from './cells.ts';
import { grownBy } from './figures.ts';
import { latencyBoundsMs, quantile } from './histogram.ts';
import type { MetricSpec } from './metric.ts';
import { createPeriod } from './period.ts';
import type { MetricsRegistry } from './registry.ts';
import type { Window } from './window.ts';

/** What a process costs, in the last minute. */
export interface ProcessFigures {
  /** The share of one core. */
  readonly cpu: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly loopDelayP99Ms: number;
}

export interface ProcessMeter {
  /** The numbers to follow in a window. */
  readonly arrays: readonly Float64Array[];
  /** Puts the figures into a registry and tells them of the last minute. */
  observe(registry: MetricsRegistry, window: Window): void;
  figures(window: Window): ProcessFigures;
  close(): void;
}

/**
 * How often the event loop's delay is sampled, in ms. Often enough that a block of 100 ms cannot hide, rarely
 * enough that an idle process stays idle (20 wake-ups a second, 0.1 % of a core).
 */
const sampleEveryMs = 50;

const cpuTime: MetricSpec<'counter'> = {
  ...{ name: 'process.cpu.time', kind: 'counter', unit: 's', labels: ['cpu.mode'] },
  help: 'Time of the processor that this process used, by "user" and "system".',
};
const gauge = (name: string, unit: string, help: string): MetricSpec<'gauge'> => {
  return { name, kind: 'gauge', unit, labels: [], help };
};
const memory = gauge('process.memory.usage', 'By', 'Memory that the machine lent to this process.');
const heap = gauge('v8js.memory.heap.used', 'By', 'Memory that JavaScript uses.');
const uptime = gauge('process.uptime', 's', 'Time since this process began.');
const delays = [
  [0.5, gauge('nodejs.eventloop.delay.p50', 's', 'Delay of timers in the last minute, median.')],
  [0.9, gauge('nodejs.eventloop.delay.p90', 's', 'Delay of timers in the last minute, 90 %.')],
  [0.99, gauge('nodejs.eventloop.delay.p99', 's', 'Delay of timers in the last minute, 99 %.')],
] as const;

/** Measures this process. The names are those of OpenTelemetry's conventions for processes and Node.js. */
export function createProcessMeter(clock: Clock): ProcessMeter {
  // One cell of latencies, as of calls: how late the sampling timer came.
  const delay = new Float64Array(layout.latencySum + 1);
  const cpu = new Float64Array(1);
  const spentUs = (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  cpu[0] = spentUs();
  const sampling = createPeriod(clock, sampleEveryMs, (lateMs) => {
    recordLatency(delay, lateMs);
    cpu[0] = spentUs();
  });
  const atBirth = cpu.slice();
  const delayMs = (q: number, window: Window): number =>
    quantile(latencyBoundsMs, grownBy(delay, window).subarray(0, layout.latencySum), q);
  const one = (value: number): { labels: string[]; value: number }[] => [{ labels: [], value }];

  return {
    arrays: [delay, cpu],
    observe(registry, window) {
      registry.observe(cpuTime, () => {
        const { user, system } = process.cpuUsage();
        return [
          { labels: ['user'], value: user / 1e6 },
          { labels: ['system'], value: system / 1e6 },
        ];
      });
      registry.observe(memory, () => one(process.memoryUsage.rss()));
      registry.observe(heap, () => one(process.memoryUsage().heapUsed));
      registry.observe(uptime, () => one(process.uptime()));
      for (const [q, spec] of delays) registry.observe(spec, () => one(delayMs(q, window) / 1000));
    },
    figures: (window) => ({
      cpu: (spentUs() - ((window.before(cpu) ?? atBirth)[0] ?? 0)) / 1e6 / window.seconds(),
      rssBytes: process.memoryUsage.rss(),
      heapUsedBytes: process.memoryUsage().heapUsed,
      loopDelayP99Ms: delayMs(0.99, window),
    }),
    close: () => {
      sampling.close();
    },
  };
}
