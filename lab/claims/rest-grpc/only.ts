import type { Resolver } from '#mesh';
import { laneKey } from '../../../mesh/rpc/lane/protocol.ts';

/** Knows one instance of everything. */
export function only(port: number): Resolver {
  return {
    watch(service, listener) {
      const metadata = { [laneKey]: '1' };
      const endpoint = { instanceId: 'one', service, host: '127.0.0.1', port, metadata };
      listener({ service, endpoints: [endpoint], stale: false });
      return { close: () => undefined };
    },
  };
}
