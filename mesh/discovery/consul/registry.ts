import type { Consul } from '../../consul/client.ts';
import type { GrpcCheck, RequestOptions, ServiceRegistration } from '../../consul/types.ts';
import { aborted } from '../../kernel/clock.ts';
import { addressOf, type Endpoint, mtlsKey } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import { closeAll } from '../../kernel/lifecycle.ts';
import { jitter } from '../../kernel/random.ts';
import { checkEndpoint } from '../endpoint-rules.ts';
import type { Registry } from '../registry.ts';
import { type KeptLease, keepRegistered } from './lease.ts';
import type { Ports } from './ports.ts';

/** How Consul probes the instances registered here. */
export type CheckOptions = Omit<GrpcCheck, 'address'>;

/** Makes instances known through Consul's agent. */
export function createConsulRegistry(
  ports: Ports,
  check: CheckOptions,
): { readonly registry: Registry; readonly close: () => Promise<void> } {
  const leases = new Map<string, KeptLease>();
  return {
    registry: {
      async register(endpoint, signal) {
        checkEndpoint(endpoint);
        const registration = registrationOf(endpoint, check);
        await makeFound(registration, ports, signal);
        leases.get(registration.id)?.abandon();
        const lease = keepRegistered(registration, ports);
        leases.set(registration.id, lease);
        return {
          async close() {
            if (leases.get(registration.id) === lease) leases.delete(registration.id);
            await lease.close();
          },
        };
      },
    },
    async close() {
      await closeAll([...leases.values()]);
      leases.clear();
    },
  };
}

function registrationOf(endpoint: Endpoint, check: CheckOptions): ServiceRegistration {
  const { instanceId, service, host, port, metadata } = endpoint;
  return {
    id: instanceId,
    service,
    host,
    port,
    meta: metadata,
    check: { ...check, address: addressOf(endpoint), tls: metadata[mtlsKey] === '1' },
  };
}

/** Registers until the catalog names the instance; tries again for as long as `signal` lets it. */
async function makeFound(
  registration: ServiceRegistration,
  { consul, clock, random, log }: Ports,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { id } = registration;
  if (signal?.aborted) throw aborted(signal, `registering ${id}`);
  const attempt = createAttempt(registration, consul, signal ? { signal } : {});
  const waiting = createWaiting(registration, { clock, log });
  let failure: MeshError | undefined;
  try {
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      failure = await attempt();
      waiting(failure);
      if (failure === undefined) return;
      await clock.sleep(jitter(pauseMs, 0.2, random), signal);
    }
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    // The agent may have taken it; nobody would look after it.
    await consul.deregister(id, { timeoutMs: 1_000 }).catch(() => undefined);
    throw failure ? notFound(registration, failure) : aborted(signal, `registering ${id}`);
  }
}

/** How long nothing is said: the first check of a healthy instance takes up to a second. */
const quietMs = 3_000;

/**
 * Tells what an instance waits for that nobody finds: a process that starts without Consul, or where Consul
 * cannot reach it, would otherwise stand there without a word. Each cause is told once.
 */
function createWaiting(
  registration: ServiceRegistration,
  { clock, log }: Pick<Ports, 'clock' | 'log'>,
): (failure: MeshError | undefined) => void {
  const { id, service } = registration;
  const startMs = clock.monotonic();
  let told: string | undefined;
  return (failure) => {
    if (failure === undefined) {
      if (told !== undefined) log.info('found by others', { service, instance: id });
      return;
    }
    if (failure.rawMessage === told || clock.monotonic() - startMs < quietMs) return;
    told = failure.rawMessage;
    const { rawMessage } = notFound(registration, failure);
    log.warn(`${rawMessage}; trying on`, { service, instance: id });
  };
}

/** Each attempt gives why the instance cannot be found yet, or undefined once it can; throws what lasts. */
function createAttempt(
  registration: ServiceRegistration,
  consul: Consul,
  options: RequestOptions,
): () => Promise<MeshError | undefined> {
  const { id, service, host, port } = registration;
  let accepted = false;
  return async () => {
    try {
      // Once only while all goes well: each time anew it would count as healthy again.
      if (!accepted) await consul.register(registration, options);
      accepted = true;
      const { value } = await consul.instances(service, options);
      if (value.some((one) => one.id === id && one.host === host && one.port === port)) return;
      return new MeshError('it is registered, and its health check fails', {
        status: 'UNAVAILABLE',
        reason: 'INSTANCE_UNHEALTHY',
      });
    } catch (thrown) {
      accepted = false;
      const failure = MeshError.from(thrown);
      if (failure.status !== 'UNAVAILABLE') throw failure;
      return failure;
    }
  };
}

function notFound({ id, check }: ServiceRegistration, failure: MeshError): MeshError {
  const remedy =
    failure.reason === 'CONSUL_UNAVAILABLE'
      ? 'start Consul, or say where its agent answers (MESH_CONSUL)'
      : `Consul must reach grpc.health.v1.Health at ${check.address}`;
  return new MeshError(`${id} cannot be found by others: ${failure.rawMessage}; ${remedy}`, {
    status: 'UNAVAILABLE',
    ...(failure.reason && { reason: failure.reason }),
    cause: failure,
  });
}
