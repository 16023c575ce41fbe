import { aborted, type Clock, systemClock } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { checkServiceName } from '../kernel/names.ts';
import { type Board, createBoard } from './board.ts';
import { checkEndpoint } from './endpoint-rules.ts';
import { type Checked, createProbation, type Probation } from './probation.ts';
import type { Registry } from './registry.ts';
import type { Resolver } from './resolver.ts';

export interface MemoryDiscovery {
  readonly registry: Registry;
  readonly resolver: Resolver;
  /** Says how the health check of an instance goes; every instance passes until it is said. */
  setPassing(instanceId: string, passing: boolean): void;
}

interface Service {
  readonly board: Board;
  readonly probation: Probation;
}

/**
 * Discovery inside one process, for tests and for a mesh that is one process. Instances stay until their
 * lease is closed; nobody checks their health, but a test can say that it fails.
 */
export function createMemoryDiscovery({
  log = silentLog,
  clock = systemClock,
}: {
  readonly log?: Log;
  readonly clock?: Clock;
} = {}): MemoryDiscovery {
  const known = new Map<string, Endpoint>();
  const failing = new Set<string>();
  const services = new Map<string, Service>();

  const serviceOf = (name: string): Service => serviceIn(services, name, log);
  const show = (name: string): void => {
    const { board, probation } = serviceOf(name);
    const nowMs = clock.monotonic();
    const { endpoints, suspects, againAtMs } = probation.judge(
      checkedOf(name, known, failing),
      nowMs,
    );
    const doubts = suspects.size > 0 && { suspects };
    board.show({ service: name, endpoints, stale: false, ...doubts });
    if (againAtMs !== undefined) clock.after(againAtMs - nowMs, () => show(name));
  };

  return {
    registry: {
      async register(endpoint, signal) {
        checkEndpoint(endpoint);
        const { instanceId } = endpoint;
        if (signal?.aborted) throw aborted(signal, `registering ${instanceId}`);
        const before = known.get(instanceId);
        known.set(instanceId, endpoint);
        if (before && before.service !== endpoint.service) show(before.service);
        show(endpoint.service);
        return {
          async close() {
            // Registered again meanwhile: the newer lease holds it now.
            if (known.get(instanceId) !== endpoint) return;
            known.delete(instanceId);
            failing.delete(instanceId);
            show(endpoint.service);
          },
        };
      },
    },
    resolver: {
      watch(service, listener) {
        checkServiceName(service);
        show(service);
        return serviceOf(service).board.watch(listener);
      },
    },
    setPassing(instanceId, passing) {
      if (passing) failing.delete(instanceId);
      else failing.add(instanceId);
      const service = known.get(instanceId)?.service;
      if (service !== undefined) show(service);
    },
  };
}

function serviceIn(services: Map<string, Service>, name: string, log: Log): Service {
  const existing = services.get(name) ?? {
    board: createBoard({ log }),
    probation: createProbation(),
  };
  services.set(name, existing);
  return existing;
}

function checkedOf(
  service: string,
  known: ReadonlyMap<string, Endpoint>,
  failing: ReadonlySet<string>,
): Checked[] {
  return [...known.values()]
    .filter((endpoint) => endpoint.service === service)
    .sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1))
    .map((endpoint) => ({ endpoint, passing: !failing.has(endpoint.instanceId) }));
}
