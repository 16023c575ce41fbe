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

/** The job that is due, and the schedule after it; undefined while none is. */
export function due(
  schedule: Schedule,
  nowMs: number,
): { readonly jobId: string; readonly after: Schedule } | undefined {
  const { scheduleId, everyMs, nextAt, count } = schedule;
  if (nowMs < nextAt) return undefined;
  // What was missed while nobody led is done once, not once for each time: the work is late, not more.
  const missed = Math.floor((nowMs - nextAt) / everyMs);
  const after = { ...schedule, nextAt: nextAt + (missed + 1) * everyMs, count: count + 1 };
  return { jobId: `${scheduleId}-${String(count + 1)}`, after };
}
