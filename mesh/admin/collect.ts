import {
  AdminServiceDefinition,
  type GetPolicyRequest,
  type GetPolicyResponse,
  type GetStatsResponse,
  type Span,
} from '../../gen/weft/admin/v1/admin.ts';
import type { Resolver, Snapshot } from '../discovery/resolver.ts';
import type { Clock } from '../kernel/clock.ts';
import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import { type Client, closeClient, createClient } from '../rpc/client/client.ts';
import type { Transport } from '../rpc/transport.ts';

/** Whom to ask. */
export interface AskOptions {
  /** The services to ask; each of their healthy instances is asked. */
  readonly services: readonly string[];
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** The longest that one instance may take, in ms. Default 1000. */
  readonly timeoutMs?: number;
  /** For whoever asks again and again. Default: a connection for each question. */
  readonly clients?: AdminClients;
  /** How those are called who are not called by `clients`. Default: by lane, without TLS. */
  readonly transport?: Transport | undefined;
}

/** Clients of single instances that are kept from one question to the next. */
export interface AdminClients {
  /** The client of this instance; made when there is none. */
  of(endpoint: Endpoint): AdminClient;
  /** Closes that of an instance that did not answer: the next one knows nothing of its failures. */
  drop(endpoint: Endpoint): Promise<void>;
  /** Closes all but those of these instances. */
  keepOnly(endpoints: readonly Endpoint[]): Promise<void>;
  close(): Promise<void>;
}

type AdminClient = Client<AdminServiceDefinition>;

export function createAdminClients(transport?: Transport): AdminClients {
  const kept = new Map<string, AdminClient>();
  const closeThose = async (keys: Iterable<string>): Promise<void> => {
    const gone = [...keys].flatMap((key) => {
      const client = kept.get(key);
      kept.delete(key);
      return client ?? [];
    });
    await Promise.all(gone.map((client) => closeClient(client)));
  };
  return {
    of(endpoint) {
      const key = keyOf(endpoint);
      const client = kept.get(key) ?? clientOf(endpoint, transport);
      kept.set(key, client);
      return client;
    },
    drop: (endpoint) => closeThose([keyOf(endpoint)]),
    async keepOnly(endpoints) {
      const wanted = new Set(endpoints.map(keyOf));
      await closeThose([...kept.keys()].filter((key) => !wanted.has(key)));
    },
    close: () => closeThose([...kept.keys()]),
  };
}

function keyOf(endpoint: Endpoint): string {
  return `${endpoint.instanceId} ${addressOf(endpoint)}`;
}

function clientOf(endpoint: Endpoint, transport: Transport | undefined): AdminClient {
  return createClient(AdminServiceDefinition, {
    target: endpoint.service,
    resolver: only(endpoint),
    ...(transport && { transport }),
  });
}

export interface CollectOptions extends AskOptions {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
}

/** What the instances of some services said, and those of them that said nothing. */
export interface Asked<T> {
  readonly answers: readonly T[];
  /** Their instanceIds. */
  readonly silent: readonly string[];
}

/**
 * What the instances of these services recorded of a trace. An instance that does not answer, or that is no
 * weft process, adds nothing: a trace shows what is known.
 */
export async function collectTrace(options: CollectOptions): Promise<Span[]> {
  const { traceId } = options;
  const asked = await askAll(options, (admin, call) => admin.listSpans({ traceId }, call));
  return asked.answers.flatMap(({ spans }) => spans);
}

/** What the instances of these services measured in the last minute. */
export function collectStats(options: AskOptions): Promise<Asked<GetStatsResponse>> {
  return askAll(options, (admin, call) => admin.getStats({}, call));
}

/** The policy that the instances of these services apply to those that they call. */
export function collectPolicy(
  request: GetPolicyRequest,
  options: AskOptions,
): Promise<Asked<GetPolicyResponse>> {
  return askAll(options, (admin, call) => admin.getPolicy(request, call));
}

export type Ask<T> = (
  admin: AdminClient,
  call: { readonly timeoutMs: number },
  endpoint: Endpoint,
) => Promise<T>;

/** Asks every instance at once; one that does not answer is left out, and named. */
export async function askAll<T>(options: AskOptions, ask: Ask<T>): Promise<Asked<T>> {
  const snapshots = await Promise.all(
    options.services.map((service) => firstSnapshot(service, options)),
  );
  const endpoints = snapshots.flatMap((snapshot) => snapshot.endpoints);
  await options.clients?.keepOnly(endpoints);
  const answers = await Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, answer: await askOne(endpoint, options, ask) })),
  );
  return {
    answers: answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer])),
    silent: answers.flatMap(({ endpoint, answer }) =>
      answer === undefined ? [endpoint.instanceId] : [],
    ),
  };
}

/** The first snapshot of a service; empty if none came in time. */
async function firstSnapshot(
  service: string,
  { resolver, clock, timeoutMs = 1000 }: AskOptions,
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

async function askOne<T>(
  endpoint: Endpoint,
  { timeoutMs = 1000, clients, transport }: AskOptions,
  ask: Ask<T>,
): Promise<T | undefined> {
  const admin = clients?.of(endpoint) ?? clientOf(endpoint, transport);
  try {
    return await ask(admin, { timeoutMs }, endpoint);
  } catch {
    await clients?.drop(endpoint);
    return undefined;
  } finally {
    if (clients === undefined) await closeClient(admin);
  }
}

/** Discovery that knows one endpoint, so that a call meets that one and no other. */
export function only(endpoint: Endpoint): Resolver {
  return {
    watch(service, listener) {
      listener({ service, endpoints: [endpoint], stale: false });
      return { close: () => undefined };
    },
  };
}
