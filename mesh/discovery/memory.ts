import { aborted } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { checkServiceName } from '../kernel/names.ts';
import { type Board, createBoard } from './board.ts';
import { checkEndpoint } from './endpoint-rules.ts';
import type { Registry } from './registry.ts';
import type { Resolver } from './resolver.ts';

/**
 * Discovery inside one process, for tests and for a mesh that is one process. Instances stay until their
 * lease is closed: nobody checks their health.
 */
export function createMemoryDiscovery({ log = silentLog }: { readonly log?: Log } = {}): {
  readonly registry: Registry;
  readonly resolver: Resolver;
} {
  const known = new Map<string, Endpoint>();
  const boards = new Map<string, Board>();

  const boardOf = (service: string): Board => {
    const existing = boards.get(service);
    if (existing) return existing;
    const board = createBoard({ log });
    boards.set(service, board);
    return board;
  };

  const show = (service: string): void => {
    const endpoints = [...known.values()]
      .filter((endpoint) => endpoint.service === service)
      .sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
    boardOf(service).show({ service, endpoints, stale: false });
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
            show(endpoint.service);
          },
        };
      },
    },
    resolver: {
      watch(service, listener) {
        checkServiceName(service);
        show(service);
        return boardOf(service).watch(listener);
      },
    },
  };
}
