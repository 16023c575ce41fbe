import type { Clock } from '../kernel/clock.ts';

/** The last good answers of a target, for the time when it gives none. */
export interface LastAnswers {
  set(key: string, answer: unknown): void;
  /** Undefined when there is none, or none that is young enough. */
  get(key: string): { readonly answer: unknown; readonly ageMs: number } | undefined;
}

/** Of `maxEntries` keys; the one that was set longest ago makes room for a new one. */
export function createLastAnswers(
  clock: Clock,
  { maxAgeMs, maxEntries = 1000 }: { readonly maxAgeMs: number; readonly maxEntries?: number },
): LastAnswers {
  // A Map keeps the order of insertion: its first key is the oldest.
  const kept = new Map<string, { readonly answer: unknown; readonly atMs: number }>();
  return {
    set(key, answer) {
      kept.delete(key);
      kept.set(key, { answer, atMs: clock.monotonic() });
      if (kept.size <= maxEntries) return;
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        return;
      }
    },
    get(key) {
      const entry = kept.get(key);
      if (entry === undefined) return undefined;
      const ageMs = clock.monotonic() - entry.atMs;
      if (ageMs <= maxAgeMs) return { answer: entry.answer, ageMs };
      kept.delete(key);
      return undefined;
    },
  };
}
