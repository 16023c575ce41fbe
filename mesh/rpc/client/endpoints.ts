import { type Balancer, createBalancer, type Pick } from '../../balance/balancer.ts';
import type { Resolver, Snapshot } from '../../discovery/resolver.ts';
import type { Clock } from '../../kernel/clock.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Random } from '../../kernel/random.ts';
import type { Connection, Transport } from '../transport.ts';
import { waitFor } from '../wait.ts';
import { createConnections } from './connections.ts';
import { type ClientContext, nameOf } from './context.ts';

/** Where the attempts of one client go: what discovery knows, balanced, with a connection to each. */
export interface Endpoints extends Closeable {
  /**
   * An endpoint for one attempt, another than those that failed the call if there is one. Waits for the
   * first answer of discovery. Throws UNAVAILABLE / NO_ENDPOINT, FAILED_PRECONDITION / CLIENT_CLOSED.
   */
  acquire(context: ClientContext): Lent | Promise<Lent>;
  /** Takes no more attempts; resolves when those under way have ended and the connections are closed. */
  close(): Promise<void>;
}

export interface Lent {
  readonly pick: Pick;
  readonly connection: Connection;
}

export interface EndpointsOptions {
  readonly target: string;
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly waitForEndpointMs: number;
}

export function createEndpoints(options: EndpointsOptions): Endpoints {
  const { target, clock, random, waitForEndpointMs } = options;
  const balancer: Balancer = createBalancer({ clock, random });
  const connections = createConnections(options.transport);
  const answered = Promise.withResolvers<void>();
  let snapshot: Snapshot | undefined;
  let closed = false;

  const watch = options.resolver.watch(target, (news) => {
    snapshot = news;
    balancer.update(news.endpoints);
    connections.keep(news.endpoints);
    answered.resolve();
  });

  function lend({ report }: ClientContext): Lent {
    if (closed) throw closedError(target);
    // With one instance, or when all have failed the call, the same again is better than none.
    const pick = balancer.pick(report.failed) ?? balancer.pick();
    if (pick === undefined) throw noEndpoint(target, knownText(snapshot));
    return { pick, connection: connections.to(pick.endpoint) };
  }

  async function lendAfterAnswer(context: ClientContext): Promise<Lent> {
    const { deadline, signal } = context;
    const ms = deadline
      ? Math.min(remainingMs(deadline, clock), waitForEndpointMs)
      : waitForEndpointMs;
    const late = (): MeshError =>
      noEndpoint(target, `discovery has not answered within ${String(Math.round(ms))} ms`);
    await waitFor(answered.promise, { clock, ms, signal, what: nameOf(context), late });
    return lend(context);
  }

  return {
    // Without a promise once discovery has answered, which it has for nearly every call.
    acquire: (context) =>
      snapshot === undefined && !closed ? lendAfterAnswer(context) : lend(context),
    async close() {
      closed = true;
      watch.close();
      answered.resolve();
      await connections.close();
    },
  };
}

function knownText(snapshot: Snapshot | undefined): string {
  return snapshot?.stale === true
    ? '0 known; discovery cannot be reached, this is its last answer'
    : '0 known; discovery answered';
}

function noEndpoint(target: string, why: string): MeshError {
  return new MeshError(`${target}: no endpoint (${why}) - try: weft ps ${target}`, {
    status: 'UNAVAILABLE',
    reason: 'NO_ENDPOINT',
    details: { facts: { target } },
  });
}

function closedError(target: string): MeshError {
  return new MeshError(`${target}: the client is closed; create a new one`, {
    status: 'FAILED_PRECONDITION',
    reason: 'CLIENT_CLOSED',
  });
}
