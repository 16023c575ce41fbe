import { aborted, type Clock } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';

/** What a gate is at; `failures` counts the faults in a row. */
export type GateState =
  /** Everyone passes. */
  | { readonly kind: 'open' }
  /** The world is at fault: everyone waits until a pause is over. */
  | { readonly kind: 'shut'; readonly failures: number; readonly error: MeshError }
  /** The pause is over: the next one passes, to find out. */
  | { readonly kind: 'ajar'; readonly failures: number }
  /** One has passed to find out; the others wait for it. */
  | { readonly kind: 'probing'; readonly failures: number };

/** The right to pass once; given back by one of the two. */
export interface Pass {
  /** No fault of the world was met. */
  well(): void;
  /**
   * One was. The gate shuts, for as long as the error asks for (`retryAfterMs`: a breaker that is open, a
   * server that sheds) or else for its own pause. BULKHEAD_FULL only says that there are too many of us: then
   * fewer pass at a time, and this one after a moment, for which the promise stands.
   */
  ill(error: MeshError, signal: AbortSignal): Promise<void>;
}

/**
 * Lets handlers pass while the world is well, and holds them while it is not. How many pass at a time is
 * halved at each full bulkhead and grows by one with each round of handlers that met none (as TCP does it:
 * additive increase, multiplicative decrease).
 */
export interface Gate {
  readonly state: GateState;
  /** Resolves when one may pass; rejects as soon as `signal` aborts. */
  enter(signal: AbortSignal): Promise<Pass>;
  /** Ends the pause that runs, if one does; whoever waits must be aborted by its signal. */
  close(): void;
}

export interface GateOptions {
  /** The pauses between probes. */
  readonly pause: RetryDelay;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// Until a slot of a bulkhead is free: calls take milliseconds, and whoever waits here holds no transaction.
const crowdedMs = 50;
// Above it there is no limit any more: no consumer has as many handlers.
const mostAtATime = 1_024;
const longestAskedMs = 60_000;

export function createGate(options: GateOptions): Gate {
  return new GateMachine(options);
}

class GateMachine implements Gate {
  #state: GateState = { kind: 'open' };
  // A pass given before the last change has nothing to say about the state after it: of ten handlers that
  // meet the same outage, the first shuts the gate and the others change nothing.
  #epoch = 0;
  #changed = Promise.withResolvers<undefined>();
  #cancel = (): void => undefined;
  #passing = 0;
  #limit = Number.POSITIVE_INFINITY;
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get state(): GateState {
    return this.#state;
  }

  async enter(signal: AbortSignal): Promise<Pass> {
    for (;;) {
      if (signal.aborted) throw aborted(signal, 'waiting for an outage to end');
      const { kind } = this.#state;
      if (kind === 'open' && this.#passing < Math.floor(this.#limit)) return this.#pass();
      if (kind === 'ajar') return this.#probe(this.#state);
      await this.#nextChange(signal);
    }
  }

  close(): void {
    this.#cancel();
  }

  #pass(): Pass {
    const epoch = this.#epoch;
    this.#passing++;
    return {
      well: () => {
        this.#left();
        if (this.#limit < mostAtATime) this.#limit += 1 / this.#limit;
        else this.#limit = Number.POSITIVE_INFINITY;
        if (epoch === this.#epoch && this.#state.kind !== 'open') this.#open();
      },
      ill: async (error, signal) => {
        const passing = this.#passing;
        this.#left();
        if (error.reason === 'BULKHEAD_FULL') {
          await this.#crowded(epoch, passing, signal);
        } else if (epoch === this.#epoch) {
          this.#shut(error);
        }
      },
    };
  }

  #left(): void {
    this.#passing--;
    if (this.#limit < Number.POSITIVE_INFINITY) this.#wake();
  }

  async #crowded(epoch: number, passing: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, passing) / 2));
    // It was let through to find out, and the target answers: it has only too much to do.
    if (epoch === this.#epoch && this.#state.kind !== 'open') this.#open();
    await clock.sleep(jitter(crowdedMs, 0.5, random), signal);
  }

  #probe({ failures }: { failures: number }): Pass {
    this.#change({ kind: 'probing', failures });
    return this.#pass();
  }

  #open(): void {
    this.#options.log.info('the consumer goes on');
    this.#change({ kind: 'open' });
  }

  #shut(error: MeshError): void {
    const { pause, clock, random, log } = this.#options;
    const failures = 1 + (this.#state.kind === 'open' ? 0 : this.#state.failures);
    const asked = error.details.retryAfterMs;
    // A little later than asked, so that those who were told the same do not come back together.
    const pauseMs =
      asked === undefined
        ? retryDelayMs(failures, pause, random)
        : Math.min(asked, longestAskedMs) * (1 + 0.1 * random.next());
    if (failures === 1) log.warn('the consumer pauses; its events wait', { err: error, pauseMs });
    this.#change({ kind: 'shut', failures, error });
    this.#cancel = clock.after(pauseMs, () => {
      this.#change({ kind: 'ajar', failures });
    });
  }

  #change(state: GateState): void {
    this.#state = state;
    this.#epoch++;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  /** Resolves at the next change of state, or when `signal` aborts. */
  async #nextChange(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    signal.addEventListener('abort', wake, { once: true });
    await Promise.race([promise, this.#changed.promise]);
    signal.removeEventListener('abort', wake);
  }
}
