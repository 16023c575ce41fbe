import { type Closeable, createConsul, createConsulDiscovery } from '#mesh';
import { edgeKey } from '#mesh/edge';

/** The gateways that Consul knows now; clients outside of the mesh would be told one by a load balancer, or by DNS. */
export interface Gateways extends Closeable {
  /** Their addresses by instance, as "http://127.0.0.1:7143". */
  all(): ReadonlyMap<string, string>;
  /** One after the other, for who tries again. Empty while there is none. */
  next(): string;
}

export function watchGateways(consulAddress: string): Gateways {
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consulAddress }) });
  let known = new Map<string, string>();
  let turn = 0;
  discovery.resolver.watch('chat-gateway', ({ endpoints }) => {
    known = new Map(
      endpoints.map(({ instanceId, metadata }) => [instanceId, metadata[edgeKey] ?? '']),
    );
  });
  return {
    all: () => known,
    next() {
      const addresses = [...known.values()];
      return addresses[turn++ % Math.max(1, addresses.length)] ?? 'http://127.0.0.1:1';
    },
    close: () => discovery.close(),
  };
}
