/** When a schedule is due: plain data, no I/O. */

export interface Schedule {
  readonly scheduleId: string;
  readonly everyMs: number;
  readonly workMs: number;
  /** When the next job is due, wall ms. */
  readonly nextAt: number;
  /** How many jobs there were. */
  readonly count: number;
}

/** The schedule after the job that is due; undefined while none is. */
export function due(schedule: Schedule, nowMs: number): Schedule | undefined {
  const { everyMs, nextAt, count } = schedule;
  if (nowMs < nextAt) return undefined;
  // What was missed while nobody led is done once, not once for each time: the work is late, not more.
  const missed = Math.floor((nowMs - nextAt) / everyMs);
  return { ...schedule, nextAt: nextAt + (missed + 1) * everyMs, count: count + 1 };
}

/** The last job of a schedule. */
export function jobIdOf({ scheduleId, count }: Pick<Schedule, 'scheduleId' | 'count'>): string {
  return `${scheduleId}-${String(count)}`;
}
