import type { NewConfigEntry } from '../consul/config-entries.ts';
import type { ConfigEntry, ConfigKind, StoredValue } from '../consul/types.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import { createLivePolicies, type LivePolicySource } from './live-policies.ts';
import { createLiveTraffic } from './live-traffic.ts';
import type { MethodsOf } from './policy-schema.ts';
import type { TrafficSource } from './traffic.ts';

export interface MemoryConfigOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  readonly methodsOf?: MethodsOf;
}

/** Live configuration inside one process: what Consul would hold is set by hand. For tests. */
export interface MemoryConfig {
  readonly policies: LivePolicySource;
  readonly traffic: TrafficSource;
  /** Sets the text under weft/policy/<target>; undefined removes it. */
  setPolicy(target: string, text: string | undefined): void;
  /** Sets a config entry of Consul by its kind and name. */
  setEntry(entry: NewConfigEntry): void;
  /** Takes one back; none of that name is no error. */
  removeEntry(kind: ConfigKind, name: string): void;
  close(): void;
}

/**
 * Live configuration for tests and for processes without Consul. A text or an entry that cannot be meant is
 * logged and changes nothing, as with Consul.
 */
export function createMemoryConfig(options: MemoryConfigOptions = {}): MemoryConfig {
  const { clock = systemClock, random = systemRandom, log = silentLog, methodsOf } = options;
  const policies = createLivePolicies({ log, methodsOf });
  const traffic = createLiveTraffic({ clock, random, log });
  const values = new Map<string, StoredValue>();
  const entries: Record<ConfigKind, Map<string, ConfigEntry>> = {
    'service-resolver': new Map(),
    'service-splitter': new Map(),
    'service-router': new Map(),
  };
  let version = 0;

  const tellEntries = (kind: ConfigKind): void => {
    traffic.heard(kind, [...entries[kind].values()]);
  };
  policies.heard(values);
  for (const kind of Object.keys(entries) as ConfigKind[]) tellEntries(kind);

  return {
    policies: policies.source,
    traffic: traffic.source,
    setPolicy(target, text) {
      if (text === undefined) values.delete(target);
      else values.set(target, { key: `weft/policy/${target}`, value: text, version: ++version });
      policies.heard(values);
    },
    setEntry({ kind, name, fields = {} }) {
      // What a service speaks matters to Consul alone.
      if (kind === 'service-defaults') return;
      entries[kind].set(name, { name, version: ++version, fields });
      tellEntries(kind);
    },
    removeEntry(kind, name) {
      entries[kind].delete(name);
      tellEntries(kind);
    },
    close: () => traffic.close(),
  };
}
