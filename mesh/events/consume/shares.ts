/** What a member of a consumer should do about its places. */
export interface Move {
  /** How many to take, as far as any are free. */
  readonly take: number;
  /** How many to give up. */
  readonly give: number;
}

/**
 * A member's step towards equal shares: nobody holds more than the places divided by the members, rounded up.
 * Members see each other late, so a step may be wrong; it is only ever one that the next ones mend.
 */
export function nextMove(of: {
  readonly places: number;
  readonly members: number;
  readonly held: number;
}): Move {
  const share = Math.ceil(of.places / Math.max(1, of.members));
  return { take: Math.max(0, share - of.held), give: Math.max(0, of.held - share) };
}
