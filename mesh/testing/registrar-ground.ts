import { GreeterServiceDefinition } from '../../gen/registrar/greeter/v1/greeter.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Client } from '../rpc/client/client.ts';
import { createPlainTransport } from '../rpc/plain/transport.ts';
import { freePort } from './ports.ts';
import { openStoryRig, type StoryRig } from './story-rig.ts';

/** Two greeters that know nothing of Consul, a registrar for them, and a proxy that asks Consul's DNS. */
export interface RegistrarGround extends Closeable {
  readonly rig: StoryRig;
  /** Finds greeters in Consul by itself. */
  readonly direct: Client<GreeterServiceDefinition>;
  /** Knows the proxy, and nothing else. */
  readonly proxied: Client<GreeterServiceDefinition>;
  /** The process of the proxy. */
  readonly proxyPid: number;
  startGreeter(name: 'greeter-a' | 'greeter-b'): void;
}

export async function openRegistrarGround(): Promise<RegistrarGround> {
  const dns = await freePort();
  const ports = { 'greeter-a': await freePort(), 'greeter-b': await freePort() };
  const proxyPort = await freePort();
  const rig = await openStoryRig('registrar', { hcl: `ports { dns = ${String(dns)} }` });
  const startGreeter: RegistrarGround['startGreeter'] = (instance) => {
    rig.start('greeter', { instance, env: { PORT: String(ports[instance]) } });
  };
  startGreeter('greeter-a');
  startGreeter('greeter-b');
  const watched = Object.values(ports).map((port) => `greeter=127.0.0.1:${String(port)}`);
  rig.start('registrar', { env: { WATCHED: watched.join(','), PROBE_MS: '200' } });
  const proxy = rig.start('proxy', {
    env: {
      ...{ PORT: String(proxyPort), DNS_SERVER: `127.0.0.1:${String(dns)}`, DNS_EVERY_MS: '200' },
    },
  });
  const service = 'greeter-proxy';
  const endpoint = {
    ...{ instanceId: 'proxy', service, host: '127.0.0.1', port: proxyPort, metadata: {} },
  };
  return {
    ...{ rig, startGreeter, proxyPid: proxy.child.pid ?? 0 },
    direct: rig.client(GreeterServiceDefinition, { transport: createPlainTransport() }),
    proxied: rig.client(GreeterServiceDefinition, {
      target: service,
      transport: createPlainTransport(),
      resolver: {
        watch(_target, listener) {
          listener({ service, endpoints: [endpoint], stale: false });
          return { close: () => undefined };
        },
      },
    }),
    close: () => rig.close(),
  };
}
