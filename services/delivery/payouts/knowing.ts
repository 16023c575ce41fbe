/**
 * Where payouts knows a courier's work from: the one thing in which the two builds differ. Asking gives what is true
 * now, or nothing; a copy gives what was true when it was written, always.
 */
import type { IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { type Client, type Clock, MeshError } from '#mesh';
import type { KnownPerformance } from './payout.ts';
import type { PayoutsStore } from './store.ts';

export type Knowing = (courierId: string) => Promise<KnownPerformance>;

export function knowByAsking(
  incentives: Client<IncentivesServiceDefinition>,
  clock: Clock,
): Knowing {
  return async (courierId) => {
    const { deliveries } = await incentives.getPerformance({ courierId });
    return { deliveries, asOfMs: clock.now(), source: 'asked' };
  };
}

export function knowByCopy(payouts: PayoutsStore): Knowing {
  return async (courierId) => {
    const copy = await payouts.copyOf(courierId);
    if (copy !== undefined) return { ...copy, source: 'copy' };
    throw new MeshError(
      `nothing is known of courier ${courierId} yet; ask again when incentives has told of a delivery`,
      { status: 'NOT_FOUND', reason: 'NO_SUCH_COURIER' },
    );
  };
}
