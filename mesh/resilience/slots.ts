import { type BulkheadPolicy, bulkhead } from 'cockatiel';

/** Room for calls to one target at one time. */
export interface Slots {
  /** Takes a slot; false when all are taken. */
  take(): boolean;
  /** Gives one back. */
  give(): void;
  readonly used: number;
  readonly limit: number;
  /** Another limit from now on. Calls above it stay; no new one comes in until there are fewer. */
  resize(limit: number): void;
}

/**
 * Slots that were used stay ready for the next call, up to this many. cockatiel's `execute` costs a promise
 * and two turns of the microtask queue, which a call that takes over a slot of the last one need not pay.
 */
const spare = 32;

/**
 * cockatiel's bulkhead decides who comes in: no slot is used here that it has not given out. It has no queue,
 * for whoever waits in one has spent its deadline when its turn comes, and cockatiel's notices an abort only
 * then.
 */
export function createSlots(limit: number): Slots {
  return new BulkheadSlots(limit);
}

class BulkheadSlots implements Slots {
  used = 0;
  limit: number;
  #bulkhead: BulkheadPolicy;
  /** Ends the hold on each slot that cockatiel has given out, used or spare. */
  #held: (() => void)[] = [];

  constructor(limit: number) {
    this.limit = limit;
    this.#bulkhead = bulkhead(limit, 0);
  }

  take(): boolean {
    if (this.used >= this.#held.length && !this.#hold()) return false;
    this.used++;
    return true;
  }

  give(): void {
    this.used--;
    if (this.#held.length - this.used > spare) this.#held.pop()?.();
  }

  resize(limit: number): void {
    if (limit === this.limit) return;
    for (const end of this.#held.splice(0)) end();
    this.limit = limit;
    this.#bulkhead = bulkhead(limit, 0);
    while (this.#held.length < this.used && this.#hold());
  }

  #hold(): boolean {
    if (this.#bulkhead.executionSlots === 0) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.push(resolve);
    // Runs at once, for there is a slot; it never fails.
    void this.#bulkhead.execute(() => promise);
    return true;
  }
}
