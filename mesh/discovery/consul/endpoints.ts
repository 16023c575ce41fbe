import type { ServiceInstance } from '../../consul/types.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { endpointFault } from '../endpoint-rules.ts';

/**
 * The endpoints that an answer of Consul stands for, sorted by id. Instances nobody should connect to are
 * left out, and `onRefused` is told.
 */
export function toEndpoints(
  service: string,
  instances: readonly ServiceInstance[],
  onRefused: (id: string, fault: string) => void,
): Endpoint[] {
  // Ids are unique per agent only, and by default an id is the service's name: then the node tells them apart.
  const nodes = new Map<string, number>();
  for (const { id } of instances) nodes.set(id, (nodes.get(id) ?? 0) + 1);
  const endpoints = new Map<string, Endpoint>();
  for (const { id, node, host, port, meta } of instances) {
    const instanceId = nodes.get(id) === 1 ? id : `${id}@${node}`;
    const endpoint: Endpoint = { instanceId, service, host, port, metadata: meta };
    const fault = endpointFault(endpoint);
    if (fault === undefined) endpoints.set(instanceId, endpoint);
    else onRefused(instanceId, fault);
  }
  return [...endpoints.values()].sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
}
