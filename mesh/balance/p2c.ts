import type { Random } from '../kernel/random.ts';

/** Draws before falling back to a walk; with half of the candidates usable one pick in 256 walks. */
const draws = 8;

/**
 * Of two usable candidates at random, the cheaper one; undefined if none is usable. Two choices avoid the
 * herd that always taking the best would make, at almost the same quality (Mitzenmacher, "The power of two
 * choices in randomized load balancing", 2001), and cost the same among three endpoints and a thousand.
 */
export function chooseOfTwo<T>(
  candidates: readonly T[],
  usable: (candidate: T) => boolean,
  cost: (candidate: T) => number,
  random: Random,
): T | undefined {
  const first = draw(candidates, usable, random);
  if (first === undefined) return undefined;
  const second = draw(candidates, (other) => other !== first && usable(other), random);
  return second !== undefined && cost(second) < cost(first) ? second : first;
}

/**
 * Drawing again until a usable one comes is fair where a walk is not (a walk favours whoever stands behind
 * the unusable ones), so the walk only ends a run of bad luck.
 */
function draw<T>(
  candidates: readonly T[],
  usable: (candidate: T) => boolean,
  random: Random,
): T | undefined {
  const { length } = candidates;
  for (let i = 0; i < draws; i++) {
    const candidate = candidates[Math.floor(random.next() * length)];
    if (candidate !== undefined && usable(candidate)) return candidate;
  }
  const start = Math.floor(random.next() * length);
  for (let i = 0; i < length; i++) {
    const candidate = candidates[(start + i) % length];
    if (candidate !== undefined && usable(candidate)) return candidate;
  }
  return undefined;
}
