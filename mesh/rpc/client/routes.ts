import type { BalancerEvent, EndpointState } from '../../balance/balancer.ts';
import { type TrafficPlan, type TrafficSource, wholeTarget } from '../../config/traffic.ts';
import type { Resolver } from '../../discovery/resolver.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Random } from '../../kernel/random.ts';
import { onGivenUp } from '../signals.ts';
import type { Transport } from '../transport.ts';
import type { ClientContext } from './context.ts';
import { createEndpoints, type Endpoints, noEndpoint } from './endpoints.ts';
import type { Lent, Route } from './route.ts';

/** Where the calls to one target go: a set of endpoints for each destination of its traffic plan. */
export interface Routes extends Route, Closeable {
  /** Ways that the policy allows. Connections that were opened under others are made anew. */
  setFlags(flags: WayFlags): void;
  describe(): {
    readonly stale: boolean;
    readonly endpoints: readonly (EndpointState & { readonly destination: string })[];
  };
  /** Takes no more attempts; resolves when those under way have ended and the connections are closed. */
  close(): Promise<void>;
}

/** Which ways to an endpoint may be used, where it offers them. */
export interface WayFlags {
  readonly lane: boolean;
  readonly unix: boolean;
}

export interface RoutesOptions {
  readonly target: string;
  readonly resolver: Resolver;
  readonly transport: Transport;
  /** Default: all calls go to all instances. */
  readonly trafficSource?: TrafficSource | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of what each balancer does, with the name of its destination. */
  readonly onBalancer: (destination: string, event: BalancerEvent) => void;
  readonly clientId?: string | undefined;
  /** The zone of this process. */
  readonly zone?: string | undefined;
  readonly waitForEndpointMs: number;
  readonly flags: WayFlags;
}

export function createRoutes(options: RoutesOptions): Routes {
  return new PlannedRoutes(options);
}

class PlannedRoutes implements Routes {
  readonly #options: RoutesOptions;
  readonly #traffic: { close(): void } | undefined;
  #flags: WayFlags;
  #plan: TrafficPlan | undefined;
  #destinations: Endpoints[] = [];
  readonly #leaving = new Set<Promise<void>>();
  /** Resolves, and is made anew, with each piece of news of discovery or of the plan. */
  #news = Promise.withResolvers<void>();
  #closed = false;

  constructor(options: RoutesOptions) {
    this.#options = options;
    this.#flags = { lane: options.flags.lane, unix: options.flags.unix };
    const { target, trafficSource } = options;
    if (trafficSource === undefined) this.#follow(wholeTarget(target));
    this.#traffic = trafficSource?.watch(target, (plan) => {
      this.#follow(plan);
    });
  }

  draw: Route['draw'] = (method, metadata) => {
    const plan = this.#plan;
    if (plan === undefined) return -1;
    return plan.destinations.length === 1 ? 0 : plan.choose(method, metadata);
  };

  timeoutMsAt(destination: number): number | undefined {
    return this.#plan?.destinations[destination]?.timeoutMs;
  }

  take(context: ClientContext, nowMs: number, share: boolean): Lent | undefined {
    if (this.#closed) throw closedError(this.#options.target);
    const { report, method, metadata } = context;
    // A plan that changed under way may have fewer places; the call then goes where it would go now.
    if (this.#destinations[report.destination] === undefined) {
      report.destination = this.draw(method, metadata);
    }
    const endpoints = this.#destinations[report.destination];
    if (endpoints?.known !== true) return undefined;
    if (endpoints.size > 0) return endpoints.take(context, nowMs, share);
    return this.#standIn(endpoints)?.take(context, nowMs, share);
  }

  hasOther(context: ClientContext): boolean {
    const endpoints = this.#destinations[context.report.destination];
    if (this.#closed || endpoints === undefined) return false;
    const place = endpoints.size > 0 ? endpoints : this.#standIn(endpoints);
    return place?.hasOther(context) === true;
  }

  /**
   * The first failover of `empty` that has somebody. As long as there is none, and one of them may yet turn out
   * to have, it is undefined; the last word is NO_ENDPOINT of the place that was wanted.
   */
  #standIn(empty: Endpoints): Endpoints | undefined {
    let unknown = false;
    for (const place of empty.destination.failover ?? []) {
      const other = this.#destinations[place];
      if (other === undefined) continue;
      if (other.size > 0) return other;
      unknown ||= !other.known;
    }
    return unknown ? undefined : empty;
  }

  async takeLater(context: ClientContext): Promise<Lent> {
    const { target, clock, waitForEndpointMs } = this.#options;
    const { deadline } = context;
    const startMs = clock.monotonic();
    const waitMs = Math.min(
      (deadline?.at ?? Number.POSITIVE_INFINITY) - startMs,
      waitForEndpointMs,
    );
    const late = (): MeshError =>
      noEndpoint(
        target,
        `discovery has not answered within ${String(Math.round(waitMs))} ms: is it up, and at the address it was given?`,
      );
    for (;;) {
      const nowMs = clock.monotonic();
      const lent = this.take(context, nowMs, false);
      if (lent !== undefined) return lent;
      await this.#nextNews(context, startMs + waitMs - nowMs, late);
    }
  }

  setFlags({ lane, unix }: WayFlags): void {
    if (lane === this.#flags.lane && unix === this.#flags.unix) return;
    this.#flags = { lane, unix };
    // A connection has chosen its ways when it was opened.
    const plan = this.#plan;
    for (const endpoints of this.#destinations.splice(0)) this.#leave(endpoints);
    if (plan !== undefined) this.#follow(plan);
  }

  describe(): ReturnType<Routes['describe']> {
    return {
      stale: this.#destinations.some((each) => each.stale),
      endpoints: this.#destinations.flatMap((each) =>
        each.describe().map((state) => ({ ...state, destination: each.destination.name })),
      ),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#traffic?.close();
    this.#tellNews();
    for (const endpoints of this.#destinations.splice(0)) this.#leave(endpoints);
    await Promise.all(this.#leaving);
  }

  /** Destinations that stay keep what is known of their endpoints; the others are left. */
  #follow(plan: TrafficPlan): void {
    if (this.#closed) return;
    const before = new Map(this.#destinations.map((each) => [keyOf(each.destination), each]));
    this.#destinations = plan.destinations.map((destination) => {
      const kept = before.get(keyOf(destination));
      if (kept === undefined) return createEndpoints(destination, this.#endpointsOptions());
      before.delete(keyOf(destination));
      kept.destination = destination;
      return kept;
    });
    this.#plan = plan;
    for (const endpoints of before.values()) this.#leave(endpoints);
    this.#tellNews();
  }

  #endpointsOptions(): Parameters<typeof createEndpoints>[1] {
    const present = (endpoint: Endpoint): Endpoint => allowed(endpoint, this.#flags);
    const changed = (): void => {
      this.#tellNews();
    };
    return { ...this.#options, present, changed };
  }

  #leave(endpoints: Endpoints): void {
    const left = endpoints.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  #tellNews(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Many may wait for one piece of news; each that gives up leaves nothing behind. */
  #nextNews(context: ClientContext, ms: number, late: () => MeshError): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.#options.clock.after(Math.max(0, ms), () => {
        forget();
        reject(late());
      });
      const forget = onGivenUp(context, (reason) => {
        stop();
        reject(reason);
      });
      void this.#news.promise.then(() => {
        stop();
        forget();
        resolve();
      });
    });
  }
}

function keyOf({ name, service }: { readonly name: string; readonly service: string }): string {
  return `${name} ${service}`;
}

/** The endpoint without the ways that the policy forbids. */
function allowed(endpoint: Endpoint, { lane, unix }: WayFlags): Endpoint {
  if (lane && unix) return endpoint;
  const kept = Object.entries(endpoint.metadata).filter(
    ([key]) => (lane || key !== 'weft-lane') && (unix || key !== 'weft-unix'),
  );
  return { ...endpoint, metadata: Object.fromEntries(kept) };
}

/** The error of a call through what was closed. */
export function closedError(target: string): MeshError {
  return new MeshError(`${target}: the client is closed; create a new one`, {
    status: 'FAILED_PRECONDITION',
    reason: 'CLIENT_CLOSED',
  });
}
