/** Whether a user is there: plain data, no I/O. */
export interface Presence {
  readonly userId: string;
  readonly online: boolean;
  /** When the user was last seen leaving, in wall ms; undefined when online, or never seen. */
  readonly lastSeenMs: number | undefined;
}

/** What a gateway says since its last report. */
export interface Report {
  readonly gatewayId: string;
  readonly came: readonly string[];
  readonly left: readonly string[];
  /** `came` are all that are there. */
  readonly whole: boolean;
  /** Until then it is believed, in wall ms. */
  readonly untilMs: number;
}

/** A user at a gateway. */
export interface Visit {
  readonly userId: string;
  /** Until when the gateway of the visit is believed, in wall ms. */
  readonly untilMs: number;
}

/**
 * How a user is, from its visits and the moment of its last farewell. A visit to a gateway that is not heard of
 * any more ended, as far as anybody knows, when the gateway's last word did.
 */
export function presenceOf(
  userId: string,
  facts: { readonly visits: readonly Visit[]; readonly farewellMs: number | undefined },
  nowMs: number,
): Presence {
  const { visits, farewellMs } = facts;
  if (visits.some(({ untilMs }) => untilMs > nowMs)) {
    return { userId, online: true, lastSeenMs: undefined };
  }
  const ends = [...visits.map(({ untilMs }) => untilMs), ...(farewellMs ? [farewellMs] : [])];
  return { userId, online: false, lastSeenMs: ends.length > 0 ? Math.max(...ends) : undefined };
}
