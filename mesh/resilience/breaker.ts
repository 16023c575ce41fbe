import {
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  DelegateBackoff,
  handleAll,
  type IHalfOpenAfterBackoffContext,
} from 'cockatiel';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import { jitter, type Random } from '../kernel/random.ts';
import type { Verdict } from './failure.ts';
import {
  createFailureWindow,
  type FailureWindow,
  type FailureWindowOptions,
} from './failure-window.ts';

/**
 * The circuit breaker of one target. cockatiel owns the states and their transitions (closed -> open ->
 * half-open -> closed | open, the time open growing from one opening to the next). weft adds what cockatiel
 * leaves open for remote calls:
 * - the closed path is synchronous and costs two counters, no promise;
 * - half open, cockatiel lets the surplus wait without bound for the probe's verdict; here it is refused;
 * - a probe whose caller leaves is no verdict: cockatiel would take it for a success and close.
 */
export interface Breaker {
  readonly state: BreakerState;
  /** Lets one call through; throws UNAVAILABLE / BREAKER_OPEN with `retryAfterMs` when it may not. */
  enter(): Passage;
  /** Other numbers from now on; the state stays as it is, and so do the calls under way. */
  configure(options: BreakerOptions): void;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/** The way through the breaker for one call; `leave` is called exactly once. */
export interface Passage {
  /** `nowMs` (monotonic) where it is known already: the closed path then reads no clock. */
  leave(verdict: Verdict, nowMs?: number): void;
}

export interface BreakerOptions extends FailureWindowOptions {
  /** How long it stays open the first time, in ms, +-20 %; doubles each time. Default 1000 (Linkerd). */
  readonly openMs?: number;
  /** Longest time open, in ms. Default 60_000 (Linkerd). */
  readonly maxOpenMs?: number;
}

export interface BreakerParts {
  /** Whom it guards, for messages, as "inventory". */
  readonly target: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of every transition: warn when it opens, info when it probes and closes. */
  readonly log: Log;
}

/** What a caller is told while a probe is out: nobody knows how long it takes, so ask again soon. */
const probeWaitMs = 100;

const stateNames: Record<CircuitState, BreakerState> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  // Reached only by isolate(), which weft does not call.
  [CircuitState.Isolated]: 'open',
};

export function createBreaker(parts: BreakerParts, options: BreakerOptions = {}): Breaker {
  return new CockatielBreaker(parts, options);
}

/** Half open, cockatiel waits for `verdict`; `taken` while a call is out to bring it. */
interface Probe {
  readonly verdict: PromiseWithResolvers<void>;
  taken: boolean;
}

class CockatielBreaker implements Breaker {
  readonly #parts: BreakerParts;
  readonly #window: FailureWindow;
  readonly #policy: CircuitBreakerPolicy;
  #options: BreakerOptions;
  #openUntilMs = 0;
  #probe: Probe | undefined;
  /** Between the deciding failure and the moment when cockatiel is open. */
  #tripping = false;
  #closed: Passage = this.#newPeriod();

  constructor(parts: BreakerParts, options: BreakerOptions) {
    const { clock, random } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#window = createFailureWindow(options, clock);
    this.#policy = circuitBreaker(handleAll, {
      halfOpenAfter: new DelegateBackoff<IHalfOpenAfterBackoffContext>(({ attempt }) => {
        const { openMs = 1000, maxOpenMs = 60_000 } = this.#options;
        const forMs = jitter(Math.min(openMs * 2 ** (attempt - 1), maxOpenMs), 0.2, random);
        this.#openUntilMs = clock.monotonic() + forMs;
        return forMs;
      }),
      breaker: {
        state: undefined,
        success: (state) => {
          this.#window.success(state);
        },
        failure: (state) => this.#tripping || this.#window.failure(state),
      },
    });
    this.#policy.onStateChange((state) => {
      this.#changed(state);
    });
  }

  get state(): BreakerState {
    return stateNames[this.#policy.state];
  }

  configure(options: BreakerOptions): void {
    this.#options = options;
    this.#window.configure(options);
  }

  enter(): Passage {
    return this.#policy.state === CircuitState.Closed ? this.#closed : this.#enterProbe();
  }

  /** Shared by all calls of one closed period; those that come back after it has ended say nothing new. */
  #newPeriod(): Passage {
    const passage: Passage = {
      leave: (verdict, nowMs) => {
        if (passage !== this.#closed || this.#tripping) return;
        if (verdict === 'success') this.#window.success(CircuitState.Closed, nowMs);
        else if (verdict === 'failure' && this.#window.failure(CircuitState.Closed)) this.#trip();
      },
    };
    return passage;
  }

  /** closed -> open: past the threshold cockatiel is shown one failure, and opens in a few microtasks. */
  #trip(): void {
    this.#tripping = true;
    this.#show(() => Promise.reject(new Error(this.#window.describe())));
  }

  /** open -> half-open, if cockatiel finds that the time has come; then one call decides. */
  #enterProbe(): Passage {
    if (this.#probe === undefined) {
      this.#show(() => {
        const verdict = Promise.withResolvers<void>();
        this.#probe = { verdict, taken: false };
        return verdict.promise;
      });
    }
    const probe = this.#probe;
    if (probe === undefined || probe.taken) throw this.#refusal();
    probe.taken = true;
    return {
      leave(verdict) {
        if (verdict === 'success') probe.verdict.resolve();
        else if (verdict === 'failure') probe.verdict.reject(new Error('the probe failed'));
        // The caller left and nothing is known: the next call tries.
        else probe.taken = false;
      },
    };
  }

  /** cockatiel calls `work` before `execute` returns, or not at all; what it makes of it is told by events. */
  #show(work: () => Promise<void>): void {
    this.#policy.execute(work).catch(() => undefined);
  }

  #changed(state: CircuitState): void {
    const { target, clock, log } = this.#parts;
    const fields = { target, state: stateNames[state] };
    switch (state) {
      case CircuitState.HalfOpen:
        log.info('breaker probes', fields);
        return;
      case CircuitState.Closed:
        this.#probe = undefined;
        this.#closed = this.#newPeriod();
        log.info('breaker closed', fields);
        return;
      default: {
        this.#probe = undefined;
        this.#tripping = false;
        // What comes back late must not trip again: cockatiel would keep that failure for the next period.
        this.#closed = this.#newPeriod();
        const openForMs = Math.round(this.#openUntilMs - clock.monotonic());
        log.warn('breaker opened', { ...fields, because: this.#window.describe(), openForMs });
      }
    }
  }

  #refusal(): MeshError {
    const { target, clock } = this.#parts;
    const probing = this.#policy.state === CircuitState.HalfOpen;
    const leftMs = Math.max(1, Math.ceil(this.#openUntilMs - clock.monotonic()));
    const then = probing
      ? 'one call is trying whether it is back'
      : `the next try is in ${String(leftMs)} ms`;
    return new MeshError(
      `${target}: not called, its breaker is open (${this.#window.describe()}); ${then}`,
      {
        status: 'UNAVAILABLE',
        reason: 'BREAKER_OPEN',
        details: { retryAfterMs: probing ? probeWaitMs : leftMs },
      },
    );
  }
}
