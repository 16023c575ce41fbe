import { InvalidArgumentError } from 'commander';

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A length of time, as "250ms", "10s", "5m" or "1h", in ms; at most a day. */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(count) * units[unit as keyof typeof units];
  if (ms > 0 && ms <= 24 * units.h) return ms;
  throw new InvalidArgumentError('say how long, as "250ms", "10s" or "5m"; at most "24h"');
}
