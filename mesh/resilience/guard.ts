import { bulkhead, isBulkheadRejectedError } from 'cockatiel';
import { MeshError } from '../kernel/error.ts';
import {
  type BreakerOptions,
  type BreakerParts,
  type BreakerState,
  createBreaker,
} from './breaker.ts';
import { type Verdict, verdictOf } from './failure.ts';

/**
 * What stands before every call to one target: a breaker, so that a service that is down is not asked and
 * its callers do not wait; and a bulkhead, so that one slow target cannot hold all the memory of its
 * callers. Both belong to cockatiel; the same two for all four kinds of call.
 */
export interface Guard {
  /**
   * Runs `work` if it may. Throws UNAVAILABLE / BREAKER_OPEN (with retryAfterMs) or RESOURCE_EXHAUSTED /
   * BULKHEAD_FULL at once, without queueing and without having called `work`.
   */
  execute<T>(work: () => Promise<T>): Promise<T>;
  /** Admits a stream; throws as `execute` does. The slot is held until `ended`. */
  stream(): StreamGuard;
  describe(): GuardState;
}

/** One admitted stream. The breaker hears of the first of: the first message, the end. */
export interface StreamGuard {
  /** A message has come: the target works. What happens later is the application's. */
  answered(): void;
  /** The stream is over; without an error it ended well. A second call does nothing. */
  ended(error?: MeshError): void;
}

export interface GuardState {
  readonly breaker: BreakerState;
  readonly inFlight: number;
  readonly maxInFlight: number;
}

export interface BulkheadOptions {
  /** Calls and streams to the target at one time. Default 1024 (Envoy and gRFC A32 `max_requests`). */
  readonly maxInFlight?: number;
}

export interface GuardOptions extends BreakerParts {
  readonly breaker?: BreakerOptions | undefined;
  readonly bulkhead?: BulkheadOptions | undefined;
}

export function createGuard(options: GuardOptions): Guard {
  const { target } = options;
  const breaker = createBreaker(options, options.breaker);
  const maxInFlight = options.bulkhead?.maxInFlight ?? 1024;
  // No queue: whoever waits in one has spent its deadline when its turn comes, and cockatiel's notices an
  // abort only then.
  const slots = bulkhead(maxInFlight, 0);

  function full(): MeshError {
    const text = `${target}: not called, ${String(maxInFlight)} calls to it are in flight; slow down, or raise bulkhead.maxInFlight`;
    return new MeshError(text, { status: 'RESOURCE_EXHAUSTED', reason: 'BULKHEAD_FULL' });
  }

  async function throughBreaker<T>(work: () => Promise<T>): Promise<T> {
    const passage = breaker.enter();
    try {
      const result = await work();
      passage.leave('success');
      return result;
    } catch (thrown) {
      passage.leave(verdictOf(MeshError.from(thrown)));
      throw thrown;
    }
  }

  return {
    async execute(work) {
      try {
        return await slots.execute(() => throughBreaker(work));
      } catch (thrown) {
        throw isBulkheadRejectedError(thrown) ? full() : thrown;
      }
    },
    stream() {
      if (slots.executionSlots === 0) throw full();
      const passage = breaker.enter();
      const held = Promise.withResolvers<void>();
      // Runs at once, for there is a slot; it ends when the stream does, and never fails.
      void slots.execute(() => held.promise);
      let judged = false;
      const judge = (verdict: Verdict): void => {
        if (judged) return;
        judged = true;
        passage.leave(verdict);
      };
      return {
        answered: () => {
          judge('success');
        },
        ended(error) {
          judge(error === undefined ? 'success' : verdictOf(error));
          held.resolve();
        },
      };
    },
    describe: () => ({
      breaker: breaker.state,
      inFlight: maxInFlight - slots.executionSlots,
      maxInFlight,
    }),
  };
}
