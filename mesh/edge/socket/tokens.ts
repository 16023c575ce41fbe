import type { Clock } from '../../kernel/clock.ts';

/** A bucket of tokens: so many a second, and so many at once after a pause. */
export interface Tokens {
  /** Takes one; 0 when there was one, else how long it takes until there is, in ms. */
  take(): number;
}

export function createTokens(options: {
  readonly perSecond: number;
  readonly burst: number;
  readonly clock: Pick<Clock, 'monotonic'>;
}): Tokens {
  return new Bucket(options);
}

/** A class, because there is one for every connection. */
class Bucket implements Tokens {
  #left: number;
  #atMs = 0;
  readonly #options: Parameters<typeof createTokens>[0];

  constructor(options: Parameters<typeof createTokens>[0]) {
    this.#options = options;
    this.#left = options.burst;
  }

  take(): number {
    const { perSecond, burst, clock } = this.#options;
    const nowMs = clock.monotonic();
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) * perSecond) / 1000);
    this.#atMs = nowMs;
    if (this.#left >= 1) {
      this.#left--;
      return 0;
    }
    return Math.ceil(((1 - this.#left) * 1000) / perSecond);
  }
}
