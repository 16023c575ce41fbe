import { MeshError } from '../kernel/error.ts';
import {
  type BreakerOptions,
  type BreakerParts,
  type BreakerState,
  createBreaker,
  type Passage,
} from './breaker.ts';
import { type Verdict, verdictOf } from './failure.ts';
import { createSlots, type Slots } from './slots.ts';

/**
 * What stands before every call to one target: a breaker, so that a service that is down is not asked and
 * its callers do not wait; and a bulkhead, so that one slow target cannot hold all the memory of its
 * callers. Both belong to cockatiel; the same two for all four kinds of call.
 */
export interface Guard {
  /**
   * Lets one call through, without a promise. Throws UNAVAILABLE / BREAKER_OPEN (with retryAfterMs) or
   * RESOURCE_EXHAUSTED / BULKHEAD_FULL; then nothing was taken. Each passage is given to `leave` once.
   */
  enter(): Passage;
  /** The call is over; `nowMs` (monotonic) where it is known already. */
  leave(passage: Passage, verdict: Verdict, nowMs?: number): void;
  /** Runs `work` if it may; throws as `enter` does, without queueing and without having called `work`. */
  execute<T>(work: () => Promise<T>): Promise<T>;
  /** Admits a stream; throws as `enter` does. The slot is held until `ended`. */
  stream(): StreamGuard;
  /** Other numbers from now on; calls under way stay as they are. */
  configure(options: Pick<GuardOptions, 'breaker' | 'bulkhead'>): void;
  /** Calls and streams under way. */
  readonly inFlight: number;
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
  const slots = createSlots(limitOf(options));

  function enter(): Passage {
    if (!slots.take()) throw full(target, slots.limit);
    try {
      return breaker.enter();
    } catch (thrown) {
      slots.give();
      throw thrown;
    }
  }

  function leave(passage: Passage, verdict: Verdict, nowMs?: number): void {
    slots.give();
    passage.leave(verdict, nowMs);
  }

  return {
    enter,
    leave,
    async execute(work) {
      const passage = enter();
      let verdict: Verdict = 'success';
      try {
        return await work();
      } catch (thrown) {
        verdict = verdictOf(MeshError.from(thrown));
        throw thrown;
      } finally {
        leave(passage, verdict);
      }
    },
    stream: () => admitted(enter(), slots),
    configure(news) {
      breaker.configure(news.breaker ?? {});
      slots.resize(limitOf(news));
    },
    get inFlight() {
      return slots.used;
    },
    describe: () => ({ breaker: breaker.state, inFlight: slots.used, maxInFlight: slots.limit }),
  };
}

/** A stream that was let through. */
function admitted(passage: Passage, slots: Slots): StreamGuard {
  let judged = false;
  let over = false;
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
      if (!over) slots.give();
      over = true;
    },
  };
}

function limitOf({ bulkhead }: Pick<GuardOptions, 'bulkhead'>): number {
  return bulkhead?.maxInFlight ?? 1024;
}

function full(target: string, limit: number): MeshError {
  const text = `${target}: not called, ${String(limit)} calls to it are in flight; slow down, or raise bulkhead.maxInFlight`;
  return new MeshError(text, { status: 'RESOURCE_EXHAUSTED', reason: 'BULKHEAD_FULL' });
}
