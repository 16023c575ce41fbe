import {
  AdminServiceDefinition,
  type TapRequest,
  type TapResponse,
} from '../../gen/weft/admin/v1/admin.ts';
import type { Resolver, Watch } from '../discovery/resolver.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { closeClient, createClient } from '../rpc/client/client.ts';
import type { Transport } from '../rpc/transport.ts';
import { only } from './collect.ts';

/** Whom to tap, and who is told. */
export interface FollowTapOptions {
  readonly request: TapRequest;
  /** All of whose instances are tapped, also those that join later. */
  readonly services: readonly string[];
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** How they are called. Default: by lane, without TLS. */
  readonly transport?: Transport | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** A tap of this instance is in place; it may have been before. */
  readonly onOpen?: (instanceId: string) => void;
  /** The next response of an instance is not asked for before this has resolved. */
  readonly onSpans: (response: TapResponse, instanceId: string) => Promise<void> | void;
}

/** Between two tries at an instance that discovery still knows, in ms. */
const againMs = 1000;

/**
 * Taps every instance of these services until the signal aborts; those that come are tapped as soon as
 * discovery knows them, those that go are left. An instance that knows no tap is passed over.
 */
export async function followTap(options: FollowTapOptions): Promise<void> {
  const { services, resolver, signal } = options;
  const known = new Map<string, ReadonlySet<string>>();
  const running = new Map<string, Promise<void>>();
  const watches: Watch[] = services.map((service) =>
    resolver.watch(service, ({ endpoints }) => {
      known.set(service, new Set(endpoints.map(({ instanceId }) => instanceId)));
      for (const endpoint of endpoints) {
        const { instanceId } = endpoint;
        if (running.has(instanceId) || signal.aborted) continue;
        const stays = (): boolean => known.get(service)?.has(instanceId) === true;
        const run = tapWhile(stays, endpoint, options).finally(() => running.delete(instanceId));
        running.set(instanceId, run);
      }
    }),
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (const watch of watches) watch.close();
  await Promise.all(running.values());
}

async function tapWhile(
  stays: () => boolean,
  endpoint: Endpoint,
  options: FollowTapOptions,
): Promise<void> {
  const { signal, clock } = options;
  while (stays() && !signal.aborted) {
    if (!(await tapOnce(endpoint, options))) return;
    await clock.sleep(againMs, signal).catch(() => undefined);
  }
}

/** False for an instance that cannot be tapped at all. */
async function tapOnce(
  endpoint: Endpoint,
  { request, signal, transport, onOpen, onSpans }: FollowTapOptions,
): Promise<boolean> {
  const admin = createClient(AdminServiceDefinition, {
    target: endpoint.service,
    resolver: only(endpoint),
    ...(transport && { transport }),
  });
  try {
    let open = false;
    for await (const response of admin.tap(request, { signal })) {
      if (open) await onSpans(response, endpoint.instanceId);
      else onOpen?.(endpoint.instanceId);
      open = true;
    }
    return true;
  } catch (thrown) {
    return MeshError.from(thrown).status !== 'UNIMPLEMENTED';
  } finally {
    await closeClient(admin);
  }
}
