/** How something is, in the order of how much it asks for a person. */
export type Verdict = 'failing' | 'uneasy' | 'well' | 'idle';

/** Below this share of successes a caller's breaker is not far: its default is 80 %. */
const failingBelow = 0.95;
/** Nine of ten thousand is what many promise; below it somebody should know. */
const uneasyBelow = 0.999;

/** A verdict on calls. */
export function ofCalls(successRate: number | undefined): Verdict {
  if (successRate === undefined) return 'idle';
  if (successRate < failingBelow) return 'failing';
  return successRate < uneasyBelow ? 'uneasy' : 'well';
}

const order: readonly Verdict[] = ['failing', 'uneasy', 'well', 'idle'];

/** The worst of them. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'idle';
}
