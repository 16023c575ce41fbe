import { readmitted } from './ejection.ts';
import { isAbsent, isOpen, type Peer } from './peer.ts';

/** Who may be picked, kept beside the peers so that a pick need not look at each of them. */
export interface Roster<R> {
  readonly peers: readonly Peer<R>[];
  /** Those that take calls; in panic all, but for those where nobody is known to be. */
  readonly ready: readonly Peer<R>[];
  /** Those of them in the caller's own zone. */
  readonly local: readonly Peer<R>[];
  /** The share of picks that stays in the zone: 1 while it has enough. */
  readonly localShare: number;
  /** Some have joined lately, and are to be spared. */
  readonly warming: boolean;
  /** So many are out that nobody's ejection is heeded. */
  readonly panic: boolean;
  readonly ejected: number;
  /** When time alone changes the roster, in monotonic ms: an ejection or a slow start ends. */
  readonly untilMs: number;
}

export interface RosterOptions {
  /** Share of endpoints that must be left for ejection to be heeded. Default 0.5 (Envoy, Finagle). */
  readonly panicShare: number;
  /** How long an endpoint that joins later warms up, in ms. Default 30_000; 0 turns it off. */
  readonly slowStartMs: number;
}

/**
 * How far a zone may be short of its fair share before calls leave it: with 1.4, 72 % of it healthy still
 * keep all of its traffic (Envoy's overprovisioning factor).
 */
const overprovisioning = 1.4;

/** Calls the roll at `nowMs`: ends what is over, and sorts the peers by who may be picked. */
export function muster<R>(
  peers: readonly Peer<R>[],
  localSupply: number,
  nowMs: number,
  { panicShare, slowStartMs }: RosterOptions,
): Roster<R> {
  let ejected = 0;
  let young = 0;
  let untilMs = Number.POSITIVE_INFINITY;
  for (const peer of peers) {
    peer.health = readmitted(peer.health, nowMs);
    if (peer.health.kind === 'ejected') {
      ejected++;
      untilMs = Math.min(untilMs, peer.health.untilMs);
    }
    const warmMs = peer.joinedMs + slowStartMs;
    if (warmMs > nowMs) {
      young++;
      untilMs = Math.min(untilMs, warmMs);
    }
  }
  const panic = peers.length - ejected < peers.length * panicShare;
  const ready = panic ? orAll(peers) : orProbing(peers, peers.filter(isOpen));
  const local = ready.filter((peer) => peer.local);
  const localAll = peers.reduce((count, peer) => (peer.local ? count + 1 : count), 0);
  const supply = localAll === 0 || panic ? 0 : (localSupply * local.length) / localAll;
  return {
    peers,
    ready,
    local,
    localShare: Math.min(1, supply * overprovisioning),
    // As with panic: a few that are warm cannot carry it all, and where all are new none is to be spared.
    warming: young > 0 && young <= peers.length / 2,
    panic,
    ejected,
    untilMs,
  };
}

/** In panic: those where somebody may be; where there is nobody anywhere, one of them may have come back. */
function orAll<R>(peers: readonly Peer<R>[]): readonly Peer<R>[] {
  const present = peers.filter((peer) => !isAbsent(peer));
  return present.length > 0 ? present : peers;
}

/** If all that is left is on probation and being tried: better one of those than none. */
function orProbing<R>(peers: readonly Peer<R>[], open: readonly Peer<R>[]): readonly Peer<R>[] {
  return open.length > 0 ? open : peers.filter(({ health }) => health.kind !== 'ejected');
}

/**
 * The share of its turn that an endpoint takes, from a tenth to all of it over `slowStartMs` (Envoy's slow
 * start: 10 % and linear): caches are cold and code is not compiled yet.
 */
export function warmth(joinedMs: number, nowMs: number, slowStartMs: number): number {
  const share = (nowMs - joinedMs) / slowStartMs;
  return share >= 1 ? 1 : Math.max(0.1, share);
}
