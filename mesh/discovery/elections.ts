import type { Closeable } from '../kernel/lifecycle.ts';

/**
 * What one instance at a time is to do. `signal` aborts when the lead is lost, or cannot be held for sure any more;
 * then it must come to its end. When it ends by itself the lead is given up, and stood for again a moment later.
 */
export type Lead = (signal: AbortSignal) => Promise<void>;

/**
 * Elections among the instances of a service. Of those that stand under one name one leads; when it closes
 * another one follows at once, when it dies within seconds.
 *
 * A leader that was stopped by the machine (a pause, a swap) may go on for a moment while the next one leads
 * already: no lock that can be lost keeps that from happening. What must not be written by two has to be fenced where
 * it is written.
 */
export interface Elections {
  /**
   * Stands for the lead of `name`, one token (kernel/names.ts), until it is closed; `close` waits for the end of
   * `lead`. Whoever decides may be away: it goes on as soon as it is back. A `lead` that throws is logged.
   */
  stand(name: string, lead: Lead): Closeable;
}
