/** The chain through weft: the services as they are, with a gauge around their handlers. */
import { AServiceDefinition } from '#gen/chain/a/v1/a.ts';
import { BServiceDefinition } from '#gen/chain/b/v1/b.ts';
import { CServiceDefinition } from '#gen/chain/c/v1/c.ts';
import {
  type AppTools,
  type Closeable,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
  createServer,
  implement,
  readSettings,
  type ServiceBinding,
  silentLog,
  startApp,
  systemClock,
  weftImage,
} from '#mesh';
import { createRecoverer } from '../../../services/chain/a/recovery.ts';
import { aService } from '../../../services/chain/a/service.ts';
import { bService } from '../../../services/chain/b/service.ts';
import { createExternal } from '../../../services/chain/c/external.ts';
import { cService } from '../../../services/chain/c/service.ts';
import type { Gauge } from './gauge.ts';
import { holdLock } from './lock.ts';
import type { MemberOptions } from './wire.ts';

/** Serves one member; resolves when others find it, or when it stands by. */
export async function startMeshed(options: MemberOptions, gauge: Gauge): Promise<Closeable> {
  if (options.standby) return standBy(options, gauge);
  return startApp({
    name: options.role,
    settings: readSettings({
      MESH_CONSUL: options.consul,
      PORT: String(options.port),
      INSTANCE_ID: options.instance,
      LOG_LEVEL: 'silent',
    }),
    build: (tools) => ({ services: [serviceOf(options, tools, gauge)] }),
  });
}

function serviceOf(
  options: MemberOptions,
  tools: Pick<AppTools<unknown>, 'client'>,
  gauge: Gauge,
): ServiceBinding {
  const { instance } = options;
  switch (options.role) {
    case 'a': {
      const b = tools.client(BServiceDefinition);
      const { ask } = aService({ b, recoverer: createRecoverer('error'), instance });
      return implement(AServiceDefinition, { ask: gauge.counting(ask) });
    }
    case 'b': {
      const { ask } = bService({ c: tools.client(CServiceDefinition), instance });
      return implement(BServiceDefinition, { ask: gauge.counting(ask) });
    }
    case 'c':
      return serviceC(options, gauge);
  }
}

function serviceC({ instance, external: resource }: MemberOptions, gauge: Gauge): ServiceBinding {
  const external = createExternal({
    ...resource,
    clock: systemClock,
    behavior: { name: 'well' },
    crash: () => process.kill(process.pid, 'SIGKILL'),
  });
  const service = cService({ external, instance, log: silentLog });
  return implement(CServiceDefinition, { ...service, ask: gauge.counting(service.ask) });
}

/**
 * C as one of several of which only one works: it listens, lets Consul watch its health, and enters discovery
 * under the name "c" when it has the lock. The lock hangs on the health check, so it falls within moments of
 * its holder's death, and never to two.
 */
async function standBy(options: MemberOptions, gauge: Gauge): Promise<Closeable> {
  const { instance, consul: address, port } = options;
  const consul = createConsul({ address });
  // What a killed predecessor left in Consul has this address: it would pass again as soon as this process
  // listens, and put it into discovery without the lock.
  await consul.deregister(instance).catch(() => undefined);
  const server = createServer({ image: weftImage() });
  serviceC(options, gauge)(server);
  const at = await server.listen({ port });
  const { registry } = createConsulDiscovery({ consul });
  const candidate = `candidate-${instance}`;
  await registry.register({ instanceId: candidate, service: 'c-candidate', ...at, metadata: {} });
  void holdLock({ consul: address, key: 'chain/active-c', check: `service:${candidate}` }).then(
    () => registry.register({ instanceId: instance, service: 'c', ...at, metadata: {} }),
  );
  return server;
}

/** The front end of the chain through weft. */
export function meshedFront(consul: string): { ask: () => Promise<unknown> } & Closeable {
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul }) });
  const a = createClient(AServiceDefinition, { resolver: discovery.resolver });
  return {
    ask: () => a.ask({ question: 'is anybody there' }),
    async close() {
      await closeClient(a);
      await discovery.close();
    },
  };
}
