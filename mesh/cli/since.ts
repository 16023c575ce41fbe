import { InvalidArgumentError } from 'commander';

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time in the past, as "30m" before now or as "2025-06-01T12:00Z", in wall ms. */
export function parseSince(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * units[unit as keyof typeof units];
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError('say how long ago, as "30m", "2h" or "7d", or when');
}

/** How long ago, in the largest unit that it fills: "4 s ago", "3 h ago". */
export function timeAgo(wallMs: number, nowMs: number): string {
  const ms = Math.max(0, nowMs - wallMs);
  const unit = (['d', 'h', 'm'] as const).find((each) => ms >= units[each]) ?? 's';
  return `${Math.floor(ms / units[unit])} ${unit === 'm' ? 'min' : unit} ago`;
}
