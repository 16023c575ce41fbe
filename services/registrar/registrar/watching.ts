/** Looks after the registrations of others. */
import { HealthCheckResponse_ServingStatus, HealthDefinition } from '#gen/grpc/health/v1/health.ts';
import {
  type Client,
  createClient,
  createPlainTransport,
  type Endpoint,
  type Lease,
  type Log,
  type Registry,
} from '#mesh';
import { after, instanceIdOf, type Watched } from './watched.ts';

export interface Watching {
  /** One look at every process. */
  look(): Promise<void>;
  list(): readonly (Watched & { readonly registered: boolean })[];
}

interface Post {
  readonly watched: Watched;
  readonly endpoint: Endpoint;
  readonly health: Client<HealthDefinition>;
  failures: number;
  lease: Lease | undefined;
}

export function createWatching(
  watched: readonly Watched[],
  { registry, log }: { readonly registry: Registry; readonly log: Log },
): Watching {
  const posts = watched.map(postOf);
  const look = async (post: Post): Promise<void> => {
    post.failures = (await answers(post)) ? 0 : post.failures + 1;
    const { endpoint, lease, failures } = post;
    switch (after({ registered: lease !== undefined, failures })) {
      case 'register':
        post.lease = await registry.register(endpoint);
        log.info('registered', { instance: endpoint.instanceId });
        break;
      case 'take out':
        post.lease = undefined;
        await lease?.close();
        log.info('taken out', { instance: endpoint.instanceId });
        break;
      case 'nothing':
    }
  };
  return {
    async look() {
      await Promise.all(posts.map(look));
    },
    list: () => posts.map((post) => ({ ...post.watched, registered: post.lease !== undefined })),
  };
}

function postOf(watched: Watched): Post {
  const { service, host, port } = watched;
  const endpoint = { instanceId: instanceIdOf(watched), service, host, port, metadata: {} };
  const health = createClient(HealthDefinition, {
    target: service,
    transport: createPlainTransport({ connectTimeoutMs: 500 }),
    // Every look is a look: what the last one met keeps nobody from this one.
    breaker: { minSuccessRate: 0, consecutive: Number.MAX_SAFE_INTEGER },
    resolver: {
      watch(target, listener) {
        listener({ service: target, endpoints: [endpoint], stale: false });
        return { close: () => undefined };
      },
    },
  });
  return { watched, endpoint, health, failures: 0, lease: undefined };
}

async function answers({ health }: Post): Promise<boolean> {
  try {
    const { status } = await health.check({ service: '' }, { timeoutMs: 1_000 });
    return status === HealthCheckResponse_ServingStatus.SERVING;
  } catch {
    return false;
  }
}
