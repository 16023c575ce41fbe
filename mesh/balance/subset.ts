import type { Endpoint } from '../kernel/endpoint.ts';

/**
 * The `size` endpoints that rank highest for this client, in the order given. Rendezvous hashing, as gRPC's
 * random subsetting (gRFC A68): each client ranks every endpoint by a hash of both, so that one endpoint
 * more or less changes at most one place in each client's subset, clients need not know of each other, and
 * over many of them the load is even.
 */
export function subsetOf(
  endpoints: readonly Endpoint[],
  size: number,
  clientId: string,
): readonly Endpoint[] {
  if (endpoints.length <= size) return endpoints;
  const seed = hashOf(clientId, 0x811c9dc5);
  const ranks = new Uint32Array(endpoints.length);
  endpoints.forEach(({ instanceId }, i) => {
    ranks[i] = hashOf(instanceId, seed);
  });
  const least = ranks.toSorted()[ranks.length - size] ?? 0;
  return endpoints.filter((_, i) => (ranks[i] ?? 0) >= least).slice(0, size);
}

/** FNV-1a from `seed`, with the finalizer of MurmurHash3: FNV alone ranks alike names alike. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
