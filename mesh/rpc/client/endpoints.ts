import {
  type Balancer,
  type BalancerEvent,
  createBalancer,
  type EndpointState,
  type Pick,
} from '../../balance/balancer.ts';
import type { Destination } from '../../config/traffic.ts';
import type { Resolver, Snapshot } from '../../discovery/resolver.ts';
import type { Clock } from '../../kernel/clock.ts';
import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import type { Connection, Transport } from '../transport.ts';
import type { ClientContext } from './context.ts';
import type { Lent, Reached } from './route.ts';

/** An endpoint, and the connection that was opened to it. */
interface Opened extends Reached {
  readonly connection: Connection;
}

/** The instances of one destination of a target: what discovery knows of them, balanced, each with its connection. */
export interface Endpoints {
  /** What they belong to; a new one of the same service is taken over in place. */
  destination: Destination;
  /** False until discovery has answered. */
  readonly known: boolean;
  /** Route.take for this destination. Throws NO_ENDPOINT. */
  take(context: ClientContext, nowMs: number, share: boolean): Lent;
  /** Whether one of them has not failed the call yet. */
  hasOther(context: ClientContext): boolean;
  /** How many there are. */
  readonly size: number;
  /** Whether this is the last answer of a discovery that cannot be reached. */
  readonly stale: boolean;
  describe(): EndpointState[];
  /** Takes no more attempts and watches no more; resolves when those under way have ended. */
  close(): Promise<void>;
}

export interface EndpointsOptions {
  /** Whom people asked for, for messages: the service of the destination may be another one. */
  readonly target: string;
  readonly resolver: Resolver;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly zone?: string | undefined;
  /** Told of ejections and panic, with the name of the destination. */
  readonly onBalancer: (destination: string, event: BalancerEvent) => void;
  /** Whose share of a large target this is; see PeersOptions. */
  readonly clientId?: string | undefined;
  /** Told of each answer of discovery. */
  readonly changed: () => void;
  /** The endpoint as the transport is to see it. */
  readonly present: (endpoint: Endpoint) => Endpoint;
}

/** Calls that may follow one pick within a turn of the event loop. */
const callsPerPick = 32;

const nobody: ReadonlySet<string> = new Set();

export function createEndpoints(destination: Destination, options: EndpointsOptions): Endpoints {
  return new BalancedEndpoints(destination, options);
}

class BalancedEndpoints implements Endpoints {
  readonly #options: EndpointsOptions;
  readonly #balancer: Balancer<Opened>;
  readonly #watch: { close(): void };
  readonly #closing = new Set<Promise<void>>();
  #destination: Destination;
  #snapshot: Snapshot | undefined;
  /** What was picked in this turn of the event loop, and how many calls may still go there. */
  #shared: Pick<Opened> | undefined;
  #left = 0;
  #turning = false;

  constructor(destination: Destination, options: EndpointsOptions) {
    const { clock, random, zone, clientId, resolver, transport, present } = options;
    this.#options = options;
    this.#destination = destination;
    this.#balancer = createBalancer<Opened>({
      clock,
      random,
      ...{ zone, clientId },
      onChange: (event) => {
        options.onBalancer(destination.name, event);
      },
      open: (endpoint) => ({
        connection: transport.open(present(endpoint)),
        address: addressOf(endpoint),
        transport: 'plain',
      }),
      close: ({ connection }) => {
        const done = connection.close().finally(() => this.#closing.delete(done));
        this.#closing.add(done);
      },
    });
    this.#watch = resolver.watch(destination.service, (snapshot) => {
      this.#snapshot = snapshot;
      this.#update();
      options.changed();
    });
  }

  get destination(): Destination {
    return this.#destination;
  }

  set destination(destination: Destination) {
    this.#destination = destination;
    this.#update();
  }

  get known(): boolean {
    return this.#snapshot !== undefined;
  }

  get size(): number {
    return this.#balancer.size;
  }

  get stale(): boolean {
    return this.#snapshot?.stale === true;
  }

  take({ report, method }: ClientContext, nowMs: number, share: boolean): Pick<Opened> {
    if (share && this.#left > 0 && this.#shared !== undefined) {
      this.#left--;
      return this.#shared.again(nowMs);
    }
    const kind = method.kind === 'unary' ? 'unary' : 'stream';
    // With one instance, or when all have failed the call, the same again is better than none.
    const pick =
      this.#balancer.pick(report.failed, kind, nowMs) ??
      (report.failed && this.#balancer.pick(undefined, kind, nowMs));
    if (pick === undefined) throw noEndpoint(this.#options.target, this.#knownText());
    if (share && pick.resource.transport === 'lane') this.#share(pick);
    return pick;
  }

  hasOther({ report }: ClientContext): boolean {
    return this.#balancer.has(report.failed ?? nobody);
  }

  describe(): EndpointState[] {
    return this.#balancer.describe();
  }

  async close(): Promise<void> {
    this.#watch.close();
    this.#left = 0;
    this.#balancer.close();
    await Promise.all(this.#closing);
  }

  /**
   * A lane is cheap by what it carries in one write. Were each call of a turn to pick for itself, every lane
   * would carry a few of them: three endpoints, a third of the batch. So the calls of one turn go one way, and
   * chance decides anew in the next.
   */
  #share(pick: Pick<Opened>): void {
    this.#shared = pick;
    this.#left = callsPerPick - 1;
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#turning = false;
    this.#left = 0;
    this.#shared = undefined;
  };

  #update(): void {
    this.#left = 0;
    const { endpoints = [] } = this.#snapshot ?? {};
    this.#balancer.update(endpoints.filter((endpoint) => this.#destination.matches(endpoint)));
  }

  #knownText(): string {
    const { name, service } = this.#destination;
    const which = name === service ? '' : ` of ${name}`;
    return this.stale
      ? `0${which} known; discovery cannot be reached, this is its last answer`
      : `0${which} known; discovery answered`;
  }
}

/** The error of a call for which there is nobody. */
export function noEndpoint(target: string, why: string): MeshError {
  return new MeshError(`${target}: no endpoint (${why}) - try: weft ps ${target}`, {
    status: 'UNAVAILABLE',
    reason: 'NO_ENDPOINT',
    details: { facts: { target } },
  });
}
