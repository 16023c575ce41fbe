import type { Random } from '../kernel/random.ts';

/*
 * Draws from weighted legs such that the weights hold over every run of calls, not only in the long one. By
 * pure chance a leg of 1 % gets none of 100 calls in a third of all cases, and a split of 10 000 is off by
 * more than 1 % of itself most of the time. Taking turns (smooth weighted round robin) is exact, but it
 * resonates: with two equal legs and a caller that calls Get and Put in turns, all Gets go one way.
 *
 * So: points x, x + g, x + 2g, ... modulo 1, with g the golden ratio. Of all steps its points lie most
 * evenly, over any stretch of calls (the error of a share is of the order of log n / n), and because it is
 * irrational no period of the caller's can fall in with it. The first point is chance, or the processes
 * that heard of a split at one moment would send their first calls the same way.
 */

/** (sqrt(5) - 1) / 2 */
const golden = 0.618_033_988_749_894_9;

/** A function that gives the number of a leg; `weights` need not add up to anything. */
export function createShares(weights: readonly number[], random: Random): () => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const ends = weights.map((weight) => (sum += weight) / total);
  // What rounding leaves beyond the end belongs to the last leg that is to get anything.
  const last = weights.findLastIndex((weight) => weight > 0);
  let point = random.next();
  return () => {
    point += golden;
    if (point >= 1) point -= 1;
    let leg = 0;
    while (leg < last && point >= (ends[leg] ?? 1)) leg++;
    return leg;
  };
}
