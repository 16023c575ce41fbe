import type { MetricSpec } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/** What is shown of a process's identity. */
export interface IdentityView {
  /** The end of the certificate, in ms since the epoch. */
  expiryMs(): number;
  readonly rotations: number;
}

const expiry: MetricSpec<'gauge'> = {
  ...{ name: 'weft.identity.leaf.expiry', kind: 'gauge', unit: 's', labels: [] },
  help: 'When the certificate of this process ends, in seconds since 1970.',
};
const rotations: MetricSpec<'counter'> = {
  ...{ name: 'weft.identity.rotations', kind: 'counter', unit: '{rotation}', labels: [] },
  help: 'How often the certificate or the roots were renewed.',
};
const refusals: MetricSpec<'counter'> = {
  ...{ name: 'weft.server.refused_callers', kind: 'counter', unit: '{call}' },
  labels: ['grpc.method', 'weft.caller', 'weft.reason'],
  help: 'Calls refused because of who made them; strangers have neither caller nor method.',
};

/** Shows the identity of a process. */
export function observeIdentity(registry: MetricsRegistry, view: IdentityView): void {
  registry.observe(expiry, () => [{ labels: [], value: view.expiryMs() / 1000 }]);
  registry.observe(rotations, () => [{ labels: [], value: view.rotations }]);
}

/** Counts callers who were refused. The function gives true for the first of its kind. */
export function createRefusalCount(
  registry: MetricsRegistry,
): (method: string, caller: string, reason: string) => boolean {
  const counted = new Map<string, { labels: readonly [string, string, string]; value: number }>();
  registry.observe(refusals, () => counted.values());
  return (method, caller, reason) => {
    const key = `${method} ${caller} ${reason}`;
    const known = counted.get(key);
    counted.set(key, { labels: [method, caller, reason], value: (known?.value ?? 0) + 1 });
    return known === undefined;
  };
}
