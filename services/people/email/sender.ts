/**
 * Sends what waits, for as long as it takes. An e-mail is a row until the provider has taken it, so neither a throttled
 * day nor a death loses one; and no event waits with it, so nothing becomes a dead letter because a provider is busy. What
 * the provider says of one e-mail ("too many") holds for all: everybody pauses, and nobody asks only to be told again.
 */
import type { Clock, Log } from '#mesh';
import type { PauseStore } from './pauses.ts';
import type { Deliver } from './provider.ts';
import type { EmailStore } from './store.ts';
import { type Outcome, pauseMs } from './welcome.ts';

export interface SenderOptions {
  readonly emails: EmailStore;
  readonly pauses: PauseStore;
  readonly deliver: Deliver;
  readonly clock: Clock;
  readonly log: Log;
  /** How many are on their way to the provider at a time. Default 4. */
  readonly lanes?: number;
}

/** Longer than the provider may take; whoever dies with an e-mail in hand leaves it to others after this, in ms. */
const claimMs = 10_000;

/** One look: sends what waits until nothing does, or the provider wants a pause. */
export function createSender(options: SenderOptions): (signal: AbortSignal) => Promise<void> {
  const { emails, pauses, deliver, clock, log, lanes = 4 } = options;

  async function pause(outcome: Outcome & { readonly kind: 'wait' }): Promise<void> {
    const before = await pauses.last();
    const failures = outcome.retryAfterMs === undefined ? (before?.failures ?? 0) + 1 : 0;
    const ms = pauseMs(outcome, failures);
    const { because } = outcome;
    await pauses.set({ untilMs: clock.now() + ms, because, failures });
    log.info('sending pauses', { because, ms });
  }

  async function settle(emailId: string, outcome: Outcome, signal: AbortSignal): Promise<void> {
    switch (outcome.kind) {
      case 'taken':
        await emails.tried(emailId, 'sent');
        break;
      case 'refused':
        log.warn('an e-mail is refused for good', { email: emailId, because: outcome.because });
        await emails.tried(emailId, 'refused');
        break;
      case 'wait':
        await emails.tried(emailId, 'waiting');
        // A process that stops has given the provider up, not the other way round.
        if (!signal.aborted) await pause(outcome);
    }
  }

  return async (signal) => {
    const paused = await pauses.last();
    if (paused !== undefined && paused.untilMs > clock.now()) return;
    const round = { goesOn: true };
    const lane = async (): Promise<void> => {
      while (round.goesOn && !signal.aborted) {
        const nowMs = clock.now();
        const email = await emails.claim(nowMs, nowMs + claimMs);
        if (email === undefined) return;
        const outcome = await deliver(email, signal);
        if (outcome.kind === 'wait') round.goesOn = false;
        await settle(email.emailId, outcome, signal);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    if (round.goesOn && paused !== undefined && paused.failures > 0) {
      await pauses.set({ ...paused, failures: 0 });
    }
  };
}
