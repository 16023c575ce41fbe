import type { Endpoint } from '../kernel/endpoint.ts';
import { subsetOf } from './subset.ts';

export interface MembershipOptions {
  /** The caller's own zone, as the endpoints' metadata `zone` names it. Default: none, all are alike. */
  readonly zone?: string | undefined;
  /**
   * Who ranks the endpoints, when there are too many to know all; the same id chooses the same. Default: by
   * chance.
   */
  readonly clientId?: string | undefined;
  /** More endpoints than this are not all used. Default 64. */
  readonly subsetAbove?: number;
  /** How many of them are, then. Default 32 (go-zero). */
  readonly subsetSize?: number;
  /** With fewer endpoints than this, zones are left to the latencies. Default 6 (Envoy `min_cluster_size`). */
  readonly zoneMinEndpoints?: number;
}

/** The endpoints that one client uses of those there are. */
export interface Members {
  readonly endpoints: readonly Endpoint[];
  readonly isLocal: (endpoint: Endpoint) => boolean;
  /** How well the caller's own zone is served: its share of all endpoints x the number of zones. */
  readonly localSupply: number;
}

export type MembersOf = (all: readonly Endpoint[]) => Members;

/**
 * Says which endpoints of each set of discovery are used. Once subsetting has begun it goes on until it is
 * of no use: around the limit each instance more or less would else open and close thirty connections.
 */
export function createMembership(
  options: MembershipOptions & { readonly clientId: string },
): MembersOf {
  const { zone, clientId, subsetAbove = 64, subsetSize = 32, zoneMinEndpoints = 6 } = options;
  let subsetting = false;

  return (all) => {
    subsetting = all.length > subsetAbove || (subsetting && all.length > subsetSize);
    const zoned = zone !== undefined && zone !== '' && all.length >= zoneMinEndpoints;
    const isLocal = (endpoint: Endpoint): boolean => zoned && endpoint.metadata['zone'] === zone;
    const local = zoned ? all.filter(isLocal) : [];
    const zones = zoned ? new Set(all.map(({ metadata }) => metadata['zone'])).size : 1;
    const localSupply = local.length === 0 ? 0 : (local.length * zones) / all.length;
    if (!subsetting) return { endpoints: all, isLocal, localSupply };

    // The other zones have a subset of their own, to go to when this one cannot take it all.
    const others = local.length === 0 ? all : all.filter((endpoint) => !isLocal(endpoint));
    const endpoints = [
      ...subsetOf(local, subsetSize, clientId),
      ...subsetOf(others, subsetSize, clientId),
    ];
    return { endpoints, isLocal, localSupply };
  };
}
