import type { Clock } from '../../kernel/clock.ts';

/** Asks everybody for a sign of life, each once in a period. */
export interface Heart {
  /** Returns what forgets it. */
  add(one: Pinged): () => void;
  stop(): void;
}

interface Pinged {
  ping(): void;
}

/** Pings are spread over so many beats, or ten thousand of them would be one pause of the process. */
const beats = 16;

export function startHeart({
  clock,
  everyMs,
}: {
  readonly clock: Clock;
  readonly everyMs: number;
}): Heart {
  const rings = Array.from({ length: beats }, () => new Set<Pinged>());
  let added = 0;
  let beat = 0;
  const ping = (): void => {
    for (const one of rings[beat++ % beats] ?? []) one.ping();
    stop = clock.after(everyMs / beats, ping);
  };
  let stop = clock.after(everyMs / beats, ping);
  return {
    add(one) {
      const ring = rings[added++ % beats];
      ring?.add(one);
      return () => ring?.delete(one);
    },
    stop() {
      stop();
    },
  };
}
