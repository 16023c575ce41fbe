import type { ServiceInstance } from '../../consul/types.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { endpointFault } from '../endpoint-rules.ts';
import type { Checked } from '../probation.ts';
import { sameEndpoint } from '../same-endpoint.ts';

/** Reads the answers of Consul about one service, one after the other. */
export interface InstanceReader {
  /**
   * The instances of an answer, sorted by id. Those nobody should connect to are left out, and `onRefused`
   * is told. An instance that says what it said before is the same object again: of a thousand of them one
   * update changes one, and neither its host is looked up anew nor its callers compare it field by field.
   */
  read(instances: readonly ServiceInstance[]): Checked[];
}

export function createInstanceReader(
  service: string,
  onRefused: (id: string, fault: string) => void,
): InstanceReader {
  let before = new Map<string, Endpoint>();

  const endpointOf = (instanceId: string, instance: ServiceInstance): Endpoint | undefined => {
    const { host, port, meta } = instance;
    const endpoint: Endpoint = { instanceId, service, host, port, metadata: meta };
    const known = before.get(instanceId);
    if (known !== undefined && sameEndpoint(known, endpoint)) return known;
    const fault = endpointFault(endpoint);
    if (fault === undefined) return endpoint;
    onRefused(instanceId, fault);
    return undefined;
  };

  return {
    read(instances) {
      // Ids are unique per agent only, and by default an id is the service's name: then the node tells them apart.
      const nodes = new Map<string, number>();
      for (const { id } of instances) nodes.set(id, (nodes.get(id) ?? 0) + 1);
      const checked = new Map<string, Checked>();
      for (const instance of instances) {
        const instanceId =
          nodes.get(instance.id) === 1 ? instance.id : `${instance.id}@${instance.node}`;
        const endpoint = endpointOf(instanceId, instance);
        if (endpoint === undefined) continue;
        checked.set(instanceId, { endpoint, passing: instance.health === 'passing' });
      }
      const sorted = [...checked.values()].sort((a, b) =>
        a.endpoint.instanceId < b.endpoint.instanceId ? -1 : 1,
      );
      before = new Map(sorted.map(({ endpoint }) => [endpoint.instanceId, endpoint]));
      return sorted;
    },
  };
}

/** One answer by itself, whatever the health of its instances. */
export function toEndpoints(
  service: string,
  instances: readonly ServiceInstance[],
  onRefused: (id: string, fault: string) => void,
): Endpoint[] {
  const checked = createInstanceReader(service, onRefused).read(instances);
  return checked.map(({ endpoint }) => endpoint);
}
