import type { Clock } from './clock.ts';

/**
 * A point of monotonic time by which an answer is of use. It travels between processes as a duration
 * (grpc-timeout), never as a time of day, so that clocks need not agree.
 */
export interface Deadline {
  /** Monotonic ms of this process. */
  readonly at: number;
}

/** The deadline `ms` from now. */
export function deadlineIn(ms: number, clock: Clock): Deadline {
  return { at: clock.monotonic() + ms };
}

/** What is left, in ms; never negative. */
export function remainingMs(deadline: Deadline, clock: Clock): number {
  return Math.max(0, deadline.at - clock.monotonic());
}

/** The earlier of the two; an absent one does not bind. */
export function earlier(a: Deadline | undefined, b: Deadline | undefined): Deadline | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a.at <= b.at ? a : b;
}
