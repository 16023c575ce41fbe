/** What a courier gets: plain data, no I/O. */

export interface PaidBonus {
  readonly bonusId: string;
  readonly courierId: string;
  readonly cents: number;
}

/** What is known of a courier's work, and since when. */
export interface KnownPerformance {
  readonly deliveries: number;
  /** Wall ms: when incentives wrote it. */
  readonly asOfMs: number;
  readonly source: 'asked' | 'copy';
}

export interface Payout {
  readonly deliveryCents: number;
  readonly bonusCents: number;
  /** How long ago what is known was written, in ms. */
  readonly ageMs: number;
}

const centsPerDelivery = 400;

export function payoutOf(
  { deliveries, asOfMs }: KnownPerformance,
  bonusCents: number,
  nowMs: number,
): Payout {
  return {
    deliveryCents: deliveries * centsPerDelivery,
    bonusCents,
    // The clock of another host may be ahead of ours.
    ageMs: Math.max(0, Math.round(nowMs - asOfMs)),
  };
}
