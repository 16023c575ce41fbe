import type { Metadata, MethodInfo } from '../kernel/call.ts';
import type { Endpoint } from '../kernel/endpoint.ts';

/**
 * Where the calls to one target go: to itself, or, as Consul's config entries say (service-router,
 * service-splitter, service-resolver), to subsets of its instances and to other services.
 */
export interface TrafficPlan {
  /** Every place that a call may be sent to; each is watched and balanced for itself. Never empty. */
  readonly destinations: readonly Destination[];
  /**
   * The place in `destinations` for one call. Splits are drawn such that shares hold over every run of
   * calls, not only on average.
   */
  choose(method: MethodInfo, metadata: Metadata): number;
}

/** Somewhere that calls to a target may go: a service, or a subset of its instances. */
export interface Destination {
  /** Unique within the plan, as "inventory", "inventory/v2": for metrics and people. */
  readonly name: string;
  /** The service to look for. */
  readonly service: string;
  /** Whether an instance belongs to it. */
  matches(endpoint: Endpoint): boolean;
  /** Longest time of a call, in ms, where the router says so. */
  readonly timeoutMs?: number;
  /** Places in `destinations` that are asked, in this order, for as long as this one has no endpoint. */
  readonly failover?: readonly number[];
}

/** Live traffic plans by target. The port; config/consul follows Consul's config entries. */
export interface TrafficSource {
  /**
   * Tells the listener the plan of `target`, never before this call has returned, and each valid change. An
   * entry that cannot be followed is reported and changes nothing.
   */
  watch(target: string, listener: (plan: TrafficPlan) => void): { close(): void };
}

/** The plan of a target about which nothing is said: all instances, all calls. */
export function wholeTarget(target: string): TrafficPlan {
  const destination = { name: target, service: target, matches: () => true };
  return { destinations: [destination], choose: () => 0 };
}
