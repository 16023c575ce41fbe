import { jitter, type Random } from '../kernel/random.ts';

/*
 * The rules of Consul's blocking queries, apart from any request. Source: Consul's HTTP API, "Blocking
 * queries", its implementation details for clients.
 */

/** What an answer's index says of the one that was asked with. */
export type Step =
  /** Something changed. */
  | 'advanced'
  /** Nothing changed, or Consul does not count. */
  | 'unchanged'
  /** Consul lost its state or is another one: what it said before does not bind. */
  | 'regressed';

/** Judges the index of an answer; `next` is what to ask with. */
export function advance(asked: bigint, header: string | undefined): { step: Step; next: bigint } {
  const index = header !== undefined && /^\d{1,20}$/.test(header) ? BigInt(header) : 0n;
  // 0 is a fault of old servers and would not block; 1 blocks and is older than any change.
  const answered = index > 0n ? index : 1n;
  if (answered < asked) return { step: 'regressed', next: 0n };
  return { step: answered === asked ? 'unchanged' : 'advanced', next: answered };
}

/**
 * The least time between the starts of two requests on average, in ms. News is asked for 5 times a second
 * while a service flaps; a server whose index is stuck gets 1 request a second, and so does one that
 * alternates between an advance and a regress.
 */
const leastGapMs: Readonly<Record<Step, number>> = {
  advanced: 200,
  unchanged: 1_000,
  regressed: 2_000,
};

/** Pauses that may be owed before one is made, in ms of gap: five pieces of news in a row. */
const burstMs = 5 * leastGapMs.advanced;

/**
 * The pauses of one watch. An instance that starts is news twice within a moment (it is registered; its check
 * passes), and a pause after the first would hide the second from its callers for a fifth of a second. So
 * a watch that was quiet may ask at once five times; only what goes on changing is slowed down. What is no
 * news is always paused for: a burst of that is a fault.
 */
export interface Pace {
  /** How long to wait after an answer, in ms; `startedMs` is when it was asked for, `nowMs` when it came. */
  pauseMs(step: Step, startedMs: number, nowMs: number): number;
}

export function createPace(): Pace {
  // When all that was asked for so far is paid for: a bucket that leaks one ms in a ms.
  let paidMs = Number.NEGATIVE_INFINITY;
  return {
    pauseMs(step, startedMs, nowMs) {
      const gapMs = leastGapMs[step];
      paidMs = Math.max(paidMs, startedMs) + gapMs;
      const slackMs = step === 'advanced' ? burstMs - gapMs : 0;
      return Math.max(0, paidMs - slackMs - nowMs);
    },
  };
}

/** Consul's answer may be late by a sixteenth of the wait (its own jitter); the rest is for the way. */
export function blockTimeoutMs(waitMs: number): number {
  return waitMs + waitMs / 16 + 5_000;
}

const firstBackoffMs = 500;
const largestBackoffMs = 3_000;

/**
 * The pause after the nth failure in a row, in ms: 0.5, 1, 2, then 3 s, each +-20 % so that a restarted
 * agent does not meet all its clients at once. The cap is what recovery costs: a watch is live again
 * within 4 s of the agent's return.
 */
export function backoffMs(failures: number, random: Random): number {
  const grown = firstBackoffMs * 2 ** Math.min(failures - 1, 10);
  return jitter(Math.min(grown, largestBackoffMs), 0.2, random);
}
