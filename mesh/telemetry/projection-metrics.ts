import type { MetricSpec } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/** A projection as it is shown. */
export interface ProjectionView {
  readonly name: string;
  readonly state: 'live' | 'behind' | 'standby' | 'failing';
}

const state: MetricSpec<'gauge'> = {
  ...{ name: 'weft.projection.state', kind: 'gauge', unit: '{state}' },
  labels: ['weft.projection', 'weft.state'],
  help: 'What a projection of this process is at: 1 for the one of live, behind, standby, failing.',
};

const states: readonly ProjectionView['state'][] = ['live', 'behind', 'standby', 'failing'];

/** Lets a registry read what the projections of this process are at. */
export function observeProjections(
  registry: MetricsRegistry,
  projections: () => readonly ProjectionView[],
): void {
  registry.observe(state, () =>
    projections().flatMap(({ name, state: now }) =>
      states.map((each) => ({ labels: [name, each], value: Number(now === each) })),
    ),
  );
}
