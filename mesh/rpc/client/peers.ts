import { systemClock } from '../../kernel/clock.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { silentLog } from '../../kernel/log.ts';
import { defaultTarget, type ServiceDefinition } from '../../schema/definition.ts';
import { createBalancerEvents } from '../../telemetry/balancer-events.ts';
import { noRpcMetrics } from '../../telemetry/rpc-metrics.ts';
import { noSpans } from '../../telemetry/spans.ts';
import { createLaneTransport } from '../lane/transport.ts';
import { createPlainTransport } from '../plain/transport.ts';
import type { Transport } from '../transport.ts';
import { type ClientParts, closeClient, newClient } from './new-client.ts';
import type { PeersOptions, StubOptions } from './options.ts';
import type { Client } from './stub.ts';
import { createTarget, type Target, type TargetState } from './target.ts';

export type { PeersOptions } from './options.ts';
export type { TargetState } from './target.ts';

/**
 * Those whom a process calls. All its clients of one target share a breaker, a bulkhead, a budget, a balancer
 * and the connections: a breaker for each client would learn of an outage once for each, and a budget for
 * each is no bound on what the target gets. A process makes one of these.
 */
export interface Peers extends Closeable {
  /**
   * A typed client of one service. It watches discovery from now on. Throws INVALID_ARGUMENT for a target that
   * is not a service name.
   */
  client<D extends ServiceDefinition>(definition: D, options?: StubOptions<NoInfer<D>>): Client<D>;
  /** What stands now, of every target that has or had a client. */
  describe(): TargetState[];
  /** Closes every client, then the connections. May be called twice. */
  close(): Promise<void>;
}

/**
 * All clients of a process, so that those of one target share breaker, budget, balancer and connections.
 * Opens nothing before the first client; `close` it when the process ends.
 */
export function createPeers(options: PeersOptions): Peers {
  const transport = options.transport ?? transportOf(options);
  const targets = new Map<string, Target>();
  const clients = new Set<object>();

  function targetOf(name: string): Target {
    const known = targets.get(name);
    if (known !== undefined) return known;
    const target = targetFor(name, { ...options, transport });
    targets.set(name, target);
    return target;
  }

  return {
    client(definition, over = {}) {
      const target = targetOf(over.target ?? defaultTarget(definition.fullName));
      const release = async (): Promise<void> => {
        clients.delete(client);
      };
      const client = newClient(definition, over, { ...partsOf(options), target, release });
      clients.add(client);
      return client;
    },
    describe: () => [...targets.values()].map((target) => target.describe()),
    async close() {
      await Promise.all([...clients].map((client) => closeClient(client)));
      await closeAll([...targets.values()]);
    },
  };
}

export function targetFor(name: string, options: PeersOptions): Target {
  const { transport = transportOf(options), waitForEndpointMs = 1000, log = silentLog } = options;
  const { onBalancer = createBalancerEvents({ log }) } = options;
  return createTarget(name, { ...options, transport, waitForEndpointMs, onBalancer });
}

/** What all clients of a process have alike. */
export function partsOf({
  spans = noSpans,
  metrics = noRpcMetrics,
  batch = true,
}: PeersOptions): Pick<ClientParts, 'spans' | 'metrics' | 'batch'> {
  return { spans, metrics, batch };
}

function transportOf({ clock = systemClock }: PeersOptions): Transport {
  return createLaneTransport({ plain: createPlainTransport({ clock }), clock });
}
