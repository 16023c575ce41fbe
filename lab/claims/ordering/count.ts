/** A turn that had its effect. */
interface Effect {
  readonly player: string;
  readonly number: number;
}

export interface Count {
  readonly turns: number;
  /** Turns whose effect came after that of a later turn of the same player. */
  readonly outOfOrder: number;
  /** Effects of turns that had theirs before. */
  readonly again: number;
  readonly missing: number;
}

/** Holds effects, in the order in which they happened, against the number of turns that were taken. */
export function countTurns(effects: readonly Effect[], turns: number): Count {
  const latest = new Map<string, number>();
  const seen = new Set<string>();
  let outOfOrder = 0;
  for (const { player, number } of effects) {
    const before = latest.get(player) ?? 0;
    if (number < before) outOfOrder++;
    latest.set(player, Math.max(before, number));
    seen.add(`${player} ${String(number)}`);
  }
  return { turns, outOfOrder, again: effects.length - seen.size, missing: turns - seen.size };
}
