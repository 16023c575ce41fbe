import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import type { Log } from '../kernel/log.ts';
import type { MetricSpec } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/** What a balancer tells of itself: the events of mesh/balance, by shape, for rooms of one floor do not meet. */
export type BalancerNews =
  | {
      readonly kind: 'ejected';
      readonly endpoint: Endpoint;
      readonly cause: string;
      readonly forMs: number;
      readonly ejections: number;
    }
  | { readonly kind: 'readmitted'; readonly endpoint: Endpoint }
  | {
      readonly kind: 'panic-entered' | 'panic-left';
      readonly endpoints: number;
      readonly ejected: number;
    };

export interface BalancerEventsOptions {
  /** An ejection is a warning: it heals by itself, and a person may want to know why. */
  readonly log: Log;
  /** Where ejections are counted. Default: nowhere. */
  readonly registry?: MetricsRegistry | undefined;
}

const ejections: MetricSpec<'counter'> = {
  ...{ name: 'weft.client.ejections', kind: 'counter', unit: '{ejection}' },
  labels: ['grpc.target', 'weft.cause'],
  help: 'How often the balancer left an instance out, by what it did.',
};

/** What hears the events of all balancers of a process: one log line each, and a count of ejections. */
export function createBalancerEvents({
  log,
  registry,
}: BalancerEventsOptions): (destination: string, event: BalancerNews) => void {
  const counted = new Map<string, { labels: readonly [string, string]; value: number }>();
  registry?.observe(ejections, () => counted.values());

  return (destination, event) => {
    switch (event.kind) {
      case 'ejected': {
        const { cause, endpoint } = event;
        const key = `${destination} ${cause}`;
        const known = counted.get(key) ?? { labels: [destination, cause], value: 0 };
        counted.set(key, { ...known, value: known.value + 1 });
        const forMs = Math.round(event.forMs);
        log.warn('endpoint ejected', {
          ...fieldsOf(destination, endpoint),
          ...{ cause, forMs, ejections: event.ejections },
        });
        return;
      }
      case 'readmitted':
        log.info('endpoint readmitted', fieldsOf(destination, event.endpoint));
        return;
      case 'panic-entered':
      case 'panic-left': {
        const { endpoints, ejected } = event;
        const fields = { destination, endpoints, ejected };
        if (event.kind === 'panic-left')
          log.info('enough endpoints are back: ejection is heeded again', fields);
        else log.warn('too many endpoints are ejected: all are asked again', fields);
      }
    }
  };
}

function fieldsOf(destination: string, endpoint: Endpoint): Record<string, string> {
  return { destination, instanceId: endpoint.instanceId, address: addressOf(endpoint) };
}
