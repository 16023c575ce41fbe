import type { MetricSpec } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/** How many sagas of a service have not ended, by status, as they were counted last. */
export interface SagasView {
  /** Undefined: not counted yet. */
  counts(): Readonly<Record<string, number>> | undefined;
}

const sagas: MetricSpec<'gauge'> = {
  ...{ name: 'weft.sagas', kind: 'gauge', unit: '{saga}', labels: ['weft.status'] },
  help: 'Sagas of the service that have not ended; those that are stuck need a person.',
};

/** Lets a registry read what is under way. */
export function observeSagas(registry: MetricsRegistry, view: SagasView): void {
  registry.observe(sagas, () =>
    Object.entries(view.counts() ?? {}).map(([status, value]) => ({ labels: [status], value })),
  );
}
