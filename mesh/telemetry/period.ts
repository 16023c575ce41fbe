import type { Clock } from '../kernel/clock.ts';

/** Runs `task` every `everyMs`, without keeping the process alive, until it is closed. */
export function createPeriod(
  clock: Clock,
  everyMs: number,
  task: (lateMs: number) => void,
): { close(): void } {
  let closed = false;
  let cancel = arm();

  function arm(): () => void {
    const dueMs = clock.monotonic() + everyMs;
    return clock.after(everyMs, () => {
      task(Math.max(0, clock.monotonic() - dueMs));
      if (!closed) cancel = arm();
    });
  }

  return {
    close() {
      closed = true;
      cancel();
    },
  };
}
