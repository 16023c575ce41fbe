import type { Random } from '../kernel/random.ts';
import { draw } from './draw.ts';
import { costOf, isProven, type Peer, type PeerOptions } from './peer.ts';
import { type Roster, warmth } from './roster.ts';

/**
 * How the endpoint of a call is chosen:
 * - peak-ewma: of two at random, the one with the lower latency x (calls in flight + 1). The default.
 * - least-request: of two at random, the one with fewer calls in flight (Envoy, gRFC A48).
 * - round-robin: each in its turn. Both are here to be compared with.
 */
export type Strategy = 'peak-ewma' | 'least-request' | 'round-robin';

export interface ChooserOptions extends PeerOptions {
  readonly strategy: Strategy;
  readonly slowStartMs: number;
  /** An endpoint that no unary call has measured for this long is picked when it is drawn. */
  readonly forceAfterMs: number;
}

/** What is asked of a chooser. */
export type Choose<R> = (
  roster: Roster<R>,
  exclude: ReadonlySet<string> | undefined,
  stream: boolean,
  nowMs: number,
) => Peer<R> | undefined;

/**
 * One forced pick in at most so many: at a low rate every endpoint goes unpicked for a second now and then,
 * and a slow one must not get as many calls as the fast ones for that.
 */
const forcedOneIn = 10;

/**
 * Two choices avoid the herd that always taking the best would make, at almost the same quality (Mitzenmacher,
 * "The power of two choices in randomized load balancing", 2001), and cost the same among three endpoints
 * and a thousand.
 */
export function createChooser<R>(options: ChooserOptions): Choose<R> {
  const { random, slowStartMs, strategy } = options;
  const better = betterOf<R>(options);

  const carefully: Choose<R> = (roster, exclude, stream, nowMs) => {
    const isWarm = ({ joinedMs }: Peer<R>): boolean =>
      !roster.warming || random.next() < warmth(joinedMs, nowMs, slowStartMs);
    const field = provenOf(fieldOf(roster, random), exclude);
    const first =
      draw(field, exclude, isWarm, { random }) ??
      // The zone, or what is open, is used up by exclusion: the others, unless they are ejected.
      draw(orTrying(roster), exclude, isWarm, { random });
    if (first === undefined) return undefined;
    const second = draw(field, exclude, isWarm, { random, other: first });
    return second === undefined ? first : better(first, second, stream, nowMs);
  };
  if (strategy === 'round-robin') return inTurn(random);

  return (roster, exclude, stream, nowMs) => {
    if (roster.warming || (exclude !== undefined && exclude.size > 0)) {
      return carefully(roster, exclude, stream, nowMs);
    }
    const field = fieldOf(roster, random);
    const { length } = field;
    if (length < 2) return field[0];
    // One number of chance serves both: what is left of it after the first choice makes the second.
    const place = random.next() * length;
    const i = Math.floor(place);
    const j = Math.floor((place - i) * (length - 1));
    const first = field[i];
    const second = field[j < i ? j : j + 1];
    return first && second && better(first, second, stream, nowMs);
  };
}

/** The caller's own zone as far as it has enough, else all that are ready. */
function fieldOf<R>(roster: Roster<R>, random: Random): readonly Peer<R>[] {
  const { localShare } = roster;
  if (localShare === 0) return roster.ready;
  return localShare >= 1 || random.next() < localShare ? roster.local : roster.ready;
}

/**
 * A call that has failed once already is not for trying out whether an endpoint works: it goes to those that
 * are known to, if there are any.
 */
function provenOf<R>(
  field: readonly Peer<R>[],
  exclude: ReadonlySet<string> | undefined,
): readonly Peer<R>[] {
  if (exclude === undefined || exclude.size === 0) return field;
  const proven = field.filter((peer) => isProven(peer) && !exclude.has(peer.endpoint.instanceId));
  return proven.length > 0 ? proven : field;
}

/** All that is not ejected, also what one call is trying already. In panic: all. */
export function orTrying<R>({ panic, peers }: Roster<R>): readonly Peer<R>[] {
  return panic ? peers : peers.filter(({ health }) => health.kind !== 'ejected');
}

type Better<R> = (a: Peer<R>, b: Peer<R>, stream: boolean, nowMs: number) => Peer<R>;

function betterOf<R>(options: ChooserOptions): Better<R> {
  if (options.strategy === 'least-request') {
    return (a, b, stream) => {
      if (stream) return b.streams < a.streams ? b : a;
      return b.inFlight < a.inFlight ? b : a;
    };
  }
  const { forceAfterMs } = options;
  let sinceForced = 0;

  return (a, b, stream, nowMs) => {
    // A stream outlives by far what the latency of this moment says: they are dealt evenly, and weigh
    // nothing among unary calls, where fifty idle watchers would look like fifty busy ones.
    if (stream && a.streams !== b.streams) return a.streams < b.streams ? a : b;
    const cheaper = costOf(b, nowMs, options) < costOf(a, nowMs, options) ? b : a;
    if (stream) return cheaper;
    const other = cheaper === a ? b : a;
    // go-zero's forced pick. While a call is out there it is being measured already.
    const forced =
      sinceForced >= forcedOneIn && nowMs - other.pickedMs > forceAfterMs && other.inFlight === 0;
    sinceForced = forced ? 0 : sinceForced + 1;
    return forced ? other : cheaper;
  };
}

function inTurn<R>(random: Random): Choose<R> {
  // Clients that start together must not walk together.
  let turn = Math.floor(random.next() * 2 ** 20);
  return (roster, exclude) => {
    const field = fieldOf(roster, random);
    for (let left = field.length; left > 0; left--) {
      const peer = field[turn++ % field.length];
      if (peer !== undefined && exclude?.has(peer.endpoint.instanceId) !== true) return peer;
    }
    return orTrying(roster).find(({ endpoint }) => exclude?.has(endpoint.instanceId) !== true);
  };
}
