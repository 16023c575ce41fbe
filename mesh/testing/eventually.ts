import { systemClock } from '../kernel/clock.ts';
import { describe } from '../kernel/error.ts';

/**
 * Asks again until `probe` neither throws nor returns false, and gives its answer. The error after
 * `withinMs` carries the last failure.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { withinMs = 10_000, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const end = systemClock.monotonic() + withinMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await probe();
      if (value !== false) return value;
      last = new Error('the condition is still false');
    } catch (thrown) {
      last = thrown;
    }
    if (systemClock.monotonic() > end) {
      throw new Error(`not seen within ${String(withinMs)} ms: ${describe(last)}`, { cause: last });
    }
    await systemClock.sleep(everyMs);
  }
}
