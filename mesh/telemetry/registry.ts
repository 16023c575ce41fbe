import { MeshError } from '../kernel/error.ts';
import { expose } from './exposition.ts';
import type {
  Family,
  HistogramSample,
  MetricKind,
  MetricSpec,
  Sample,
  SampleOf,
} from './metric.ts';

/**
 * The metrics of a process, in a registry of our own and not in prom-client or OpenTelemetry's SDK. Both
 * look up the cell of a measurement by its labels each time it is recorded (prom-client hashes the label
 * values into a string key, the SDK builds an attribute set): that is far more than the rest of a lane call
 * costs in telemetry. Here who measures holds its numbers (see cells.ts), and the registry only knows how to
 * read them: it is the list of what a scrape asks. The names are OpenTelemetry's and gRPC's, so that a
 * collector that scrapes weft finds what it expects.
 */
export interface MetricsRegistry {
  /**
   * Adds a metric, or one more reader to a metric that is there with the same spec. `read` is called at each
   * scrape; what it throws leaves its samples out and is counted. The returned function takes it back.
   * Throws FAILED_PRECONDITION when the name is taken by another spec.
   */
  observe<K extends MetricKind>(spec: MetricSpec<K>, read: () => Iterable<SampleOf<K>>): () => void;
  /** Every metric that has a reader, by name. */
  readonly specs: readonly MetricSpec[];
  /** Prometheus' text format, version 0.0.4. */
  expose(): string;
}

interface Observed {
  readonly spec: MetricSpec;
  readonly readers: Set<() => Iterable<Sample | HistogramSample>>;
}

const failures: MetricSpec<'counter'> = {
  name: 'weft.metrics.read_failures',
  kind: 'counter',
  unit: '{read}',
  labels: ['metric'],
  help: 'How often the reader of a metric threw, so that its samples are missing.',
};

export function createRegistry(): MetricsRegistry {
  const observed = new Map<string, Observed>();
  const failed = new Map<string, number>();

  function samplesOf({ spec, readers }: Observed): Family {
    const samples = [...readers].flatMap((read) => {
      try {
        return [...read()];
      } catch {
        failed.set(spec.name, (failed.get(spec.name) ?? 0) + 1);
        return [];
      }
    });
    return { spec, samples };
  }

  const registry: MetricsRegistry = {
    observe(spec, read) {
      const known = observed.get(spec.name) ?? { spec, readers: new Set() };
      if (!sameSpec(known.spec, spec)) throw taken(spec.name);
      observed.set(spec.name, known);
      known.readers.add(read);
      return () => {
        known.readers.delete(read);
        if (known.readers.size === 0) observed.delete(spec.name);
      };
    },
    get specs() {
      return [...observed.values()].map(({ spec }) => spec).sort(byName);
    },
    expose() {
      // The count of failed reads comes last, so that it knows those of this scrape.
      const last = observed.get(failures.name);
      const families = [...observed.values()]
        .filter((each) => each !== last)
        .sort((a, b) => byName(a.spec, b.spec))
        .map(samplesOf);
      return expose(last === undefined ? families : [...families, samplesOf(last)]);
    },
  };
  registry.observe(failures, () =>
    Array.from(failed, ([metric, value]) => ({ labels: [metric], value })),
  );
  return registry;
}

function byName(a: MetricSpec, b: MetricSpec): number {
  return a.name < b.name ? -1 : 1;
}

function sameSpec(a: MetricSpec, b: MetricSpec): boolean {
  return a.kind === b.kind && a.unit === b.unit && a.labels.join() === b.labels.join();
}

function taken(name: string): MeshError {
  return new MeshError(
    `the metric ${name} is there already with another kind, unit or labels: choose another name`,
    { status: 'FAILED_PRECONDITION', reason: 'METRIC_NAME_TAKEN' },
  );
}
