import type { Clock } from '../kernel/clock.ts';
import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import type { Random } from '../kernel/random.ts';
import { type EjectionOptions, type Health, readmitted } from './ejection.ts';
import { decayed } from './ewma.ts';
import { chooseOfTwo } from './p2c.ts';
import {
  costOf,
  isOpen,
  keyOf,
  learn,
  newPeer,
  type Outcome,
  type Peer,
  type PeerOptions,
} from './peer.ts';

/**
 * Chooses the endpoint of each attempt: of two at random, the one with the lower latency x (calls in flight
 * + 1), leaving out those that keep failing. Pure: it knows endpoints, a clock and chance, and no network.
 */
export interface Balancer {
  /**
   * Replaces the endpoints. One that stays (same instanceId and address) keeps what is known of it; a
   * balancer that forgot at each update of discovery would measure nothing in a busy mesh.
   */
  update(endpoints: readonly Endpoint[]): void;
  /**
   * An endpoint for one attempt, never one of `exclude` (instanceIds), and never an ejected one unless
   * that leaves too few (panic). Undefined when there is none. Each pick must be `done` once.
   */
  pick(exclude?: ReadonlySet<string>): Pick | undefined;
  /** How many endpoints are known, ejected ones too. */
  readonly size: number;
  /** What is known of each endpoint, for people. */
  describe(): EndpointState[];
}

/** One endpoint lent out for one attempt. */
export interface Pick {
  readonly endpoint: Endpoint;
  /** The first message of a stream has come: the endpoint works, however the stream ends. */
  answered(): void;
  /** Gives the endpoint back; a second time does nothing. */
  done(outcome: Outcome): void;
}

/** One endpoint as the balancer sees it. */
export interface EndpointState {
  readonly instanceId: string;
  readonly address: string;
  readonly health: Health['kind'];
  readonly inFlight: number;
  /** Peak EWMA of the latency in ms; 0 before the first answer. */
  readonly latencyMs: number;
  /** Until it may be tried again, in ms; 0 unless it is ejected. */
  readonly ejectedForMs: number;
}

export interface BalancerOptions extends Partial<EjectionOptions> {
  readonly clock: Clock;
  readonly random: Random;
  /** Time constant of the latency average, in ms. Default 10_000 (Finagle, Linkerd). */
  readonly tauMs?: number;
  /** Share of endpoints that must be left for ejection to be heeded. Default 0.5 (Envoy, Finagle). */
  readonly panicShare?: number;
}

export function createBalancer(options: BalancerOptions): Balancer {
  const { clock, random, panicShare = 0.5, tauMs = 10_000 } = options;
  const { ejectAfter = 5, ejectMs = 1000, ejectMaxMs = 60_000 } = options;
  const peerOptions: PeerOptions = { random, tauMs, ejectAfter, ejectMs, ejectMaxMs };
  let peers: Peer[] = [];
  /** Kept beside the peers, so that a pick need not look at each of them. */
  let ejected: Ejected = none;

  function choose(usable: (peer: Peer) => boolean): Peer | undefined {
    const nowMs = clock.monotonic();
    return chooseOfTwo(peers, usable, (peer) => costOf(peer, nowMs, tauMs), random);
  }

  return {
    update(endpoints) {
      const known = new Map(peers.map((peer) => [keyOf(peer.endpoint), peer]));
      peers = endpoints.map((endpoint) => {
        const kept = known.get(keyOf(endpoint)) ?? newPeer(endpoint, clock.monotonic());
        return Object.assign(kept, { endpoint });
      });
      ejected = ejectedOf(peers);
    },
    pick(exclude) {
      const nowMs = clock.monotonic();
      if (nowMs >= ejected.nextReturnMs) {
        for (const peer of peers) peer.health = readmitted(peer.health, nowMs);
        ejected = ejectedOf(peers);
      }
      const allowed = (peer: Peer): boolean => exclude?.has(peer.endpoint.instanceId) !== true;
      const panic = peers.length - ejected.count < peers.length * panicShare;
      const chosen = panic
        ? choose(allowed)
        : (choose((peer) => isOpen(peer) && allowed(peer)) ??
          // All that is left is on probation and being tried: better one of those than none.
          choose((peer) => peer.health.kind === 'probation' && allowed(peer)));
      return (
        chosen &&
        lend(chosen, clock, (outcome, startMs) => {
          learn(chosen, outcome, { startMs, nowMs: clock.monotonic() }, peerOptions);
          if (chosen.health.kind === 'ejected') ejected = ejectedOf(peers);
        })
      );
    },
    get size() {
      return peers.length;
    },
    describe: () => peers.map((peer) => stateOf(peer, clock.monotonic(), tauMs)),
  };
}

interface Ejected {
  readonly count: number;
  /** When the next of them may be tried, in monotonic ms. */
  readonly nextReturnMs: number;
}

const none: Ejected = { count: 0, nextReturnMs: Number.POSITIVE_INFINITY };

function ejectedOf(peers: readonly Peer[]): Ejected {
  return peers.reduce(
    ({ count, nextReturnMs }, { health }) =>
      health.kind === 'ejected'
        ? { count: count + 1, nextReturnMs: Math.min(nextReturnMs, health.untilMs) }
        : { count, nextReturnMs },
    none,
  );
}

/** Hands `peer` out for one attempt; `tell` hears once how that went. */
function lend(peer: Peer, clock: Clock, tell: (outcome: Outcome, startMs: number) => void): Pick {
  const startMs = clock.monotonic();
  const probe = peer.health.kind === 'probation';
  let told = false;
  let returned = false;
  peer.inFlight++;
  if (probe) peer.probing = true;

  const settle = (outcome: Outcome): void => {
    if (told) return;
    told = true;
    if (probe) peer.probing = false;
    tell(outcome, startMs);
  };
  return {
    endpoint: peer.endpoint,
    answered: () => {
      settle({ ok: true, status: 'OK', timed: false });
    },
    done: (outcome) => {
      if (returned) return;
      returned = true;
      peer.inFlight--;
      settle(outcome);
    },
  };
}

function stateOf(peer: Peer, nowMs: number, tauMs: number): EndpointState {
  const health = readmitted(peer.health, nowMs);
  return {
    instanceId: peer.endpoint.instanceId,
    address: addressOf(peer.endpoint),
    health: health.kind,
    inFlight: peer.inFlight,
    latencyMs: decayed(peer.latency, nowMs, tauMs),
    ejectedForMs: health.kind === 'ejected' ? health.untilMs - nowMs : 0,
  };
}
