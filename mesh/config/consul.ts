import type { Consul } from '../consul/client.ts';
import type { ConfigKind, Freshness } from '../consul/types.ts';
import { type ConsulWatch, watchConsul } from '../consul/watch.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import { createLivePolicies, type LivePolicySource } from './live-policies.ts';
import { createLiveTraffic } from './live-traffic.ts';
import type { MethodsOf } from './policy-schema.ts';
import type { TrafficSource } from './traffic.ts';

/** Where live policies stand: weft/policy/<service>. */
export const policyPrefix = 'weft/policy';

export interface ConsulConfigOptions {
  readonly consul: Consul;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Told of what is in force and of what is refused. Default: silent. */
  readonly log?: Log;
  /** The methods of a target; where they are known, a policy for a method that is none is refused. */
  readonly methodsOf?: MethodsOf;
  /** Which reads are made. Default 'default': the leader answers. */
  readonly freshness?: Freshness;
}

/**
 * Live configuration from Consul: policies from its KV store, traffic from its config entries. Four blocking
 * queries serve all targets of a process; they begin when the first target is watched. While Consul is away
 * what it said last stands; a process that has never heard from it goes by its defaults at once.
 */
export function createConsulConfig(options: ConsulConfigOptions): {
  readonly policies: LivePolicySource;
  readonly traffic: TrafficSource;
  /** Ends all watches; leaves the Consul client open. */
  close(): void;
} {
  const { consul, clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { methodsOf, freshness = 'default' } = options;
  const read = { freshness };
  const watches: ConsulWatch[] = [];
  let closed = false;

  const follow = <T>(what: string, followed: Followed<T>): void => {
    watches.push(followOne(what, followed, { clock, random, log }));
  };

  const followPolicies = once(() => {
    if (closed) return;
    follow('live policies', {
      ask: (block, signal) => consul.listValues(policyPrefix, { ...read, block, signal }),
      heard: (values) => {
        const byTarget = values.map(
          (each) => [each.key.slice(policyPrefix.length + 1), each] as const,
        );
        policies.heard(new Map(byTarget));
      },
      lost: () => policies.lost(),
    });
  });
  const followTraffic = once(() => {
    if (closed) return;
    for (const kind of kinds) {
      follow(kind, {
        ask: (block, signal) => consul.configEntries(kind, { ...read, block, signal }),
        heard: (entries) => traffic.heard(kind, entries),
        lost: () => traffic.lost(kind),
      });
    }
  });
  const policies = createLivePolicies({ log, methodsOf, onWatch: followPolicies });
  const traffic = createLiveTraffic({ clock, random, log, onWatch: followTraffic });
  return {
    policies: policies.source,
    traffic: traffic.source,
    close() {
      closed = true;
      for (const watch of watches.splice(0)) watch.close();
      traffic.close();
    },
  };
}

const kinds: readonly ConfigKind[] = ['service-resolver', 'service-splitter', 'service-router'];

interface Followed<T> {
  readonly ask: Parameters<typeof watchConsul<T>>[0]['ask'];
  readonly heard: (value: T) => void;
  readonly lost: () => void;
}

/** Follows one thing for ever; an outage is told once. */
function followOne<T>(
  what: string,
  { ask, heard, lost }: Followed<T>,
  ports: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): ConsulWatch {
  const { log } = ports;
  let away = false;
  return watchConsul<T>({
    ...ports,
    ask,
    onAnswer(value) {
      if (away) log.info('Consul is back', { following: what });
      away = false;
      heard(value);
    },
    onError(error) {
      if (!away)
        log.warn('Consul is away; what it said last stands', { following: what, err: error });
      away = true;
      lost();
    },
  });
}

function once(task: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    task();
  };
}
