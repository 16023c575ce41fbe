import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import { advance, backoffMs, createPace } from './blocking.ts';
import type { Answer, Block } from './types.ts';

export interface WatchOptions<T> {
  /** Asks once; must end when `signal` aborts. */
  readonly ask: (block: Block, signal: AbortSignal) => Promise<Answer<T>>;
  /** Told of every answer, changed or not. `anew`: Consul may have lost its state since the one before. */
  readonly onAnswer: (value: T, anew: boolean) => void;
  /** Told of every failure; the watch goes on. */
  readonly onError: (error: MeshError) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * How long Consul holds a request when nothing changes, in ms. Default 30 000: a connection that died
   * without a word is noticed after this, and two idle requests a minute cost nothing.
   */
  readonly waitMs?: number;
}

/** Closing aborts the outstanding request; nobody is told of anything afterwards. */
export interface ConsulWatch {
  close(): void;
}

/**
 * Follows a value of Consul by blocking queries, for ever: no answer and no error ends it, whatever the
 * status. (The watch of npm's `consul` ends for good at a 400, takes a listener that throws for a failure
 * of Consul, and returns from an outage without jitter.)
 *
 * The watch remembers no value: what was told stays good until something newer is told. A listener that
 * throws is logged.
 */
export function watchConsul<T>(options: WatchOptions<T>): ConsulWatch {
  const { ask, onAnswer, onError, clock, random, log, waitMs = 30_000 } = options;
  const closing = new AbortController();
  const { signal } = closing;

  const tell = (listener: () => void): void => {
    if (signal.aborted) return;
    try {
      listener();
    } catch (thrown) {
      log.error('a listener of a Consul watch threw', { err: thrown });
    }
  };

  const run = async (): Promise<void> => {
    let index = 0n;
    let failures = 0;
    const pace = createPace();
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      let pauseMs: number;
      try {
        const answer = await ask({ index, waitMs }, signal);
        const { step, next } = advance(index, answer.index);
        const anew = failures > 0 || step === 'regressed';
        tell(() => onAnswer(answer.value, anew));
        failures = 0;
        index = next;
        pauseMs = pace.pauseMs(step, startedAt, clock.monotonic());
      } catch (thrown) {
        failures++;
        tell(() => onError(MeshError.from(thrown)));
        // Whoever answers next may count anew, and must answer at once even if nothing changed.
        index = 0n;
        pauseMs = backoffMs(failures, random);
      }
      if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    }
  };

  run().catch((thrown: unknown) => {
    if (!signal.aborted) log.error('a Consul watch ended by itself', { err: thrown });
  });
  return {
    close: () => {
      closing.abort();
    },
  };
}
