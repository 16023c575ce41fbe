import type { Clock } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import type { Random } from '../kernel/random.ts';
import {
  type Choose,
  type ChooserOptions,
  createChooser,
  orTrying,
  type Strategy,
} from './chooser.ts';
import { type BalancerEvent, type EndpointState, stateOf } from './describe.ts';
import type { EjectionOptions } from './ejection.ts';
import { Lease, type Lender, type Pick, type PickKind, type Settled } from './lease.ts';
import { createMembership, type MembershipOptions, type MembersOf } from './membership.ts';
import { isSameServer, learn, newPeer, type Outcome, type Peer } from './peer.ts';
import { muster, type Roster, type RosterOptions } from './roster.ts';

export type { BalancerEvent, EndpointState } from './describe.ts';
export type { Pick, PickKind } from './lease.ts';

/**
 * Chooses the endpoint of each attempt: of two at random, the one with the lower latency x (calls in flight
 * + 1), leaving out those that keep failing. Pure: it knows endpoints, a clock and chance, and no network;
 * what calls travel on (`R`) it only keeps.
 */
export interface Balancer<R> {
  /**
   * Replaces the endpoints. One that stays (same instanceId and address) keeps what is known of it; a
   * balancer that forgot at each update of discovery would measure nothing in a busy mesh. The resource of
   * one that leaves is closed, whatever is still under way there.
   */
  update(endpoints: readonly Endpoint[]): void;
  /**
   * An endpoint for one attempt, never one of `exclude` (instanceIds), and never an ejected one unless
   * that leaves too few (panic). Undefined when there is none. Each pick must be `done` once. `nowMs`: the
   * monotonic time, from whoever has just read it (that is half of what a pick costs).
   */
  pick(exclude?: ReadonlySet<string>, kind?: PickKind, nowMs?: number): Pick<R> | undefined;
  /** Whether `pick` would find one that is not in `exclude`. */
  has(exclude: ReadonlySet<string>): boolean;
  /** How many endpoints are known: ejected ones and those outside the subset too. */
  readonly size: number;
  /** What is known of each endpoint that is used, for people. */
  describe(): EndpointState[];
  /** Closes every resource; from now on there is nothing to pick. Picks that are out may still be done. */
  close(): void;
}

export interface BalancerOptions<R> extends Partial<EjectionOptions>, MembershipOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes what calls to `endpoint` travel on, at its first pick. What it throws, `pick` throws. */
  open(endpoint: Endpoint): R;
  /** Releases it once the endpoint has left. */
  close(resource: R): void;
  /** Hears of ejections, returns and panic, within the call that causes them: be quick, and do not throw. */
  readonly onChange?: ((event: BalancerEvent) => void) | undefined;
  /** Default peak-ewma. */
  readonly strategy?: Strategy;
  /** Time constant of the latency average, in ms. Default 10_000 (Finagle, Linkerd). */
  readonly tauMs?: number;
  /** An endpoint unpicked for so long is tried again when it is drawn, in ms. Default 1000 (go-zero). */
  readonly forceAfterMs?: number;
  /**
   * Latency for which a RESOURCE_EXHAUSTED counts that names no time itself, in ms. Default 5000 (Linkerd):
   * a refusal is the fastest answer of all, and must not draw more calls.
   */
  readonly exhaustedMs?: number;
  /** Share of endpoints that must be left for ejection to be heeded. Default 0.5 (Envoy, Finagle). */
  readonly panicShare?: number;
  /**
   * How long an endpoint that joins later takes less than its share, from a tenth up, in ms. Default 30_000;
   * 0 turns it off. The mechanism is Envoy's, which names no default.
   */
  readonly slowStartMs?: number;
}

/** Every number with its value. */
type Numbers = Omit<ChooserOptions, 'random'> & RosterOptions;

const defaults: Numbers = {
  strategy: 'peak-ewma',
  tauMs: 10_000,
  forceAfterMs: 1000,
  exhaustedMs: 5000,
  panicShare: 0.5,
  slowStartMs: 30_000,
  ejectAfter: 5,
  minSuccessRate: 0.8,
  rateWindowMs: 10_000,
  minCalls: 5,
  ejectMs: 1000,
  ejectMaxMs: 60_000,
};

export function createBalancer<R>(options: BalancerOptions<R>): Balancer<R> {
  return new PeerBalancer({ ...defaults, ...options });
}

class PeerBalancer<R> implements Balancer<R>, Lender<R> {
  readonly #options: BalancerOptions<R> & Numbers;
  readonly #clock: Clock;
  readonly #choose: Choose<R>;
  readonly #membersOf: MembersOf;
  #roster: Roster<R>;
  #localSupply = 0;
  #size = 0;
  #closed = false;

  constructor(options: BalancerOptions<R> & Numbers) {
    this.#options = options;
    this.#clock = options.clock;
    this.#choose = createChooser<R>(options);
    const clientId = options.clientId ?? options.random.hex(8);
    this.#membersOf = createMembership({ ...options, clientId });
    this.#roster = muster([], 0, 0, options);
  }

  get size(): number {
    return this.#size;
  }

  update(endpoints: readonly Endpoint[]): void {
    if (this.#closed) return;
    const nowMs = this.#clock.monotonic();
    const members = this.#membersOf(endpoints);
    const before = new Map(this.#roster.peers.map((peer) => [peer.endpoint.instanceId, peer]));
    // Nobody is spared among those that are there from the start.
    const joinedMs = before.size === 0 ? Number.NEGATIVE_INFINITY : nowMs;
    const peers = members.endpoints.map((endpoint) => {
      const known = before.get(endpoint.instanceId);
      const stays = known !== undefined && isSameServer(known.endpoint, endpoint);
      if (stays) before.delete(endpoint.instanceId);
      const peer = stays ? known : newPeer<R>(endpoint, nowMs, joinedMs);
      peer.endpoint = endpoint;
      peer.local = members.isLocal(endpoint);
      return peer;
    });
    this.#size = endpoints.length;
    this.#localSupply = members.localSupply;
    this.#remuster(peers, nowMs);
    for (const peer of before.values()) this.#dismiss(peer);
  }

  pick(
    exclude?: ReadonlySet<string>,
    kind: PickKind = 'unary',
    nowMs: number = this.#clock.monotonic(),
  ): Pick<R> | undefined {
    if (nowMs >= this.#roster.untilMs) this.#remuster(this.#roster.peers, nowMs);
    const peer = this.#choose(this.#roster, exclude, kind === 'stream', nowMs);
    return peer && this.lend(peer, kind, nowMs);
  }

  has(exclude: ReadonlySet<string>): boolean {
    return orTrying(this.#roster).some(({ endpoint }) => !exclude.has(endpoint.instanceId));
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  lend(peer: Peer<R>, kind: PickKind, nowMs: number): Pick<R> {
    const opened = (peer.opened ??= { resource: this.#options.open(peer.endpoint) });
    const lease = new Lease(this, peer, opened.resource, { stream: kind === 'stream', nowMs });
    if (lease.probe) {
      peer.probing = true;
      this.#remuster(this.#roster.peers, nowMs);
    }
    return lease;
  }

  settle(lease: Settled<R>, outcome: Outcome, nowMs: number): void {
    const { peer, probe } = lease;
    const { health: before } = peer;
    if (probe) peer.probing = false;
    const cause = learn(lease, outcome, nowMs, this.#options);
    const { health, endpoint } = peer;
    const moved = health.kind !== before.kind || (health.kind === 'ejected' && health !== before);
    if ((!probe && !moved) || !peer.known) return;
    if (cause !== undefined && health.kind === 'ejected') {
      const { ejections, untilMs } = health;
      this.#tell({ kind: 'ejected', endpoint, cause, forMs: untilMs - nowMs, ejections });
    } else if (before.kind !== 'in' && health.kind === 'in') {
      this.#tell({ kind: 'readmitted', endpoint });
    }
    // After that: the ejection of one is heard before the panic that it causes.
    this.#remuster(this.#roster.peers, nowMs);
  }

  describe(): EndpointState[] {
    return this.#roster.peers.map((peer) => stateOf(peer, this.#options));
  }

  close(): void {
    this.#closed = true;
    this.#size = 0;
    const { peers } = this.#roster;
    this.#remuster([], 0);
    for (const peer of peers) this.#dismiss(peer);
  }

  /** Calls the roll again, after whatever changed; people hear of panic. */
  #remuster(peers: readonly Peer<R>[], nowMs: number): void {
    const before = this.#roster.panic;
    this.#roster = muster(peers, this.#localSupply, nowMs, this.#options);
    const { panic, ejected } = this.#roster;
    if (panic === before) return;
    this.#tell({ kind: panic ? 'panic-entered' : 'panic-left', endpoints: peers.length, ejected });
  }

  #dismiss(peer: Peer<R>): void {
    peer.known = false;
    if (peer.opened !== undefined) this.#options.close(peer.opened.resource);
  }

  #tell(event: BalancerEvent): void {
    this.#options.onChange?.(event);
  }
}
