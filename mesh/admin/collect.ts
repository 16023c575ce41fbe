import { AdminServiceDefinition, type Span } from '../../gen/weft/admin/v1/admin.ts';
import type { Resolver, Snapshot } from '../discovery/resolver.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { closeClient, createClient } from '../rpc/client/client.ts';

export interface CollectOptions {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** The services to ask; each of their healthy instances is asked. */
  readonly services: readonly string[];
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** The longest that one instance may take, in ms. Default 1000. */
  readonly timeoutMs?: number;
}

/**
 * What the instances of these services recorded of a trace. An instance that does not answer, or that is no
 * weft process, adds nothing: a trace shows what is known.
 */
export async function collectTrace(options: CollectOptions): Promise<Span[]> {
  const perService = await Promise.all(
    options.services.map(async (service) => {
      const { endpoints } = await firstSnapshot(service, options);
      return Promise.all(endpoints.map((endpoint) => askOne(endpoint, options)));
    }),
  );
  return perService.flat(2);
}

/** The first snapshot of a service; empty if none came in time. */
async function firstSnapshot(
  service: string,
  { resolver, clock, timeoutMs = 1000 }: CollectOptions,
): Promise<Snapshot> {
  const first = Promise.withResolvers<Snapshot>();
  const cancel = clock.after(timeoutMs, () => {
    first.resolve({ service, endpoints: [], stale: true });
  });
  const watch = resolver.watch(service, first.resolve);
  try {
    return await first.promise;
  } finally {
    cancel();
    watch.close();
  }
}

async function askOne(endpoint: Endpoint, options: CollectOptions): Promise<Span[]> {
  const { traceId, timeoutMs = 1000 } = options;
  const admin = createClient(AdminServiceDefinition, {
    target: endpoint.service,
    resolver: only(endpoint),
  });
  try {
    return (await admin.listSpans({ traceId }, { timeoutMs })).spans;
  } catch {
    return [];
  } finally {
    await closeClient(admin);
  }
}

/** Discovery that knows one endpoint, so that a call meets that one and no other. */
function only(endpoint: Endpoint): Resolver {
  return {
    watch(service, listener) {
      listener({ service, endpoints: [endpoint], stale: false });
      return { close: () => undefined };
    },
  };
}
