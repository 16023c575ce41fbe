/** Who has earned a bonus: plain data, no I/O. */

export interface Delivery {
  readonly deliveryId: string;
  readonly courierId: string;
  /** How long it took. */
  readonly minutes: number;
}

export interface Bonus {
  readonly bonusId: string;
  readonly courierId: string;
  readonly cents: number;
}

/** How a courier performs. */
export interface Performance {
  readonly courierId: string;
  readonly deliveries: number;
  readonly inTime: number;
}

/** The longest that a delivery in time takes. */
const inTimeMinutes = 30;
const bonusCents = 150;

export function wasInTime({ minutes }: Delivery): boolean {
  return minutes <= inTimeMinutes;
}

/** The bonus of a delivery; undefined for one that was late. There is one at most, so it has its id. */
export function bonusOf(delivery: Delivery): Bonus | undefined {
  const { deliveryId, courierId } = delivery;
  return wasInTime(delivery) ? { bonusId: deliveryId, courierId, cents: bonusCents } : undefined;
}
