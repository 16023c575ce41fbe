import type { Random } from '../kernel/random.ts';
import type { Peer } from './peer.ts';

/** Draws before falling back to a walk; with half of the candidates usable one pick in 256 walks. */
const draws = 8;

/**
 * A candidate at random that is not `other`, not excluded, and, as far as chance allows, warm: one that
 * joined lately takes only its share of turns. Undefined if none is usable.
 *
 * Drawing again until a usable one comes is fair where a walk is not (a walk favours whoever stands behind
 * the unusable ones), so the walk only ends a run of bad luck.
 */
export function draw<R>(
  candidates: readonly Peer<R>[],
  exclude: ReadonlySet<string> | undefined,
  isWarm: (peer: Peer<R>) => boolean,
  { random, other }: { readonly random: Random; readonly other?: Peer<R> | undefined },
): Peer<R> | undefined {
  const { length } = candidates;
  const usable = (peer: Peer<R> | undefined): peer is Peer<R> =>
    peer !== undefined && peer !== other && exclude?.has(peer.endpoint.instanceId) !== true;
  for (let i = 0; i < draws; i++) {
    const candidate = candidates[Math.floor(random.next() * length)];
    if (usable(candidate) && isWarm(candidate)) return candidate;
  }
  const start = Math.floor(random.next() * length);
  for (let i = 0; i < length; i++) {
    const candidate = candidates[(start + i) % length];
    if (usable(candidate)) return candidate;
  }
  return undefined;
}
