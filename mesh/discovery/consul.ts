import type { Consul } from '../consul/client.ts';
import type { Freshness, GrpcCheck } from '../consul/types.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import type { Ports } from './consul/ports.ts';
import { createConsulRegistry } from './consul/registry.ts';
import { createConsulResolver } from './consul/resolver.ts';
import type { Registry } from './registry.ts';
import type { Resolver } from './resolver.ts';

export interface ConsulDiscoveryOptions {
  /** The client of this machine's agent: instances registered here are its own. */
  readonly consul: Consul;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Log;
  /**
   * How Consul probes the instances registered here. Default: every 1 000 ms, given 2 000 ms to answer.
   *
   * The agent calls grpc.health.v1.Health/Check of the instance. That proves what callers need: the port can
   * be reached and the process answers. A killed process refuses the connection, which fails at once, so it
   * is out within about a second; one that hangs, within three; one that comes back is in again with the
   * next probe, without doing anything. A TTL would prove only that the instance can reach Consul, would
   * be noticed when it expires, and would fail everybody at once when the agent was away for a while.
   */
  readonly grpcCheck?: Partial<Pick<GrpcCheck, 'intervalMs' | 'timeoutMs'>>;
  /**
   * Which reads the resolver makes. Default 'default': the leader answers, and while there is none the last
   * known instances stay. 'stale' and 'cached' take load off the leader of a large cluster.
   */
  readonly freshness?: Freshness;
}

/** A minute: the least that Consul takes. An instance that hangs for longer is registered again by its lease. */
const forgetAfterMs = 60_000;

/**
 * Discovery through Consul's agent. Nothing is asked before somebody registers or watches; neither needs
 * Consul to be there at once, and both heal by themselves.
 */
export function createConsulDiscovery(options: ConsulDiscoveryOptions): {
  readonly registry: Registry;
  readonly resolver: Resolver;
  /** Ends all watches and takes all instances out; leaves the Consul client open. */
  close(): Promise<void>;
} {
  const { consul, clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { grpcCheck = {}, freshness = 'default' } = options;
  const ports: Ports = { consul, clock, random, log };
  const check = { intervalMs: 1_000, timeoutMs: 2_000, forgetAfterMs, ...grpcCheck };
  const { registry, close: closeRegistry } = createConsulRegistry(ports, check);
  const { resolver, close: closeResolver } = createConsulResolver(ports, freshness);
  return {
    registry,
    resolver,
    async close() {
      closeResolver();
      await closeRegistry();
    },
  };
}
