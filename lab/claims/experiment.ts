import type { Bar } from '../result-file.ts';
import type { Claim } from './claim.ts';

/** Enough to believe the figures, or just enough to see that the experiment works. */
export type Effort = 'full' | 'short';

/** Claims of the literature, put to the test. A file of its own beside this one; main.ts lists them all. */
export interface Experiment {
  /** Names its charts, its bars ("chain-…"), its section of docs/claims.md and `make claims ONLY=chain`. */
  readonly name: string;
  run(say: (text: string) => void, effort: Effort): Promise<Findings>;
}

export interface Findings {
  /** The sentences that were tested, each with what was found; at least one. */
  readonly claims: readonly Claim[];
  readonly bars: readonly Bar[];
  /** What explains the bars. Must survive JSON. */
  readonly data: unknown;
  /** SVG texts; each becomes docs/images/claims-<name>.svg. */
  readonly charts: Readonly<Record<string, string>>;
  /** Markdown tables by the name of the place in docs/claims.md where each is put. */
  readonly tables: Readonly<Record<string, string>>;
}
