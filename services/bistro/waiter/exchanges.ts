/** What the waiter asks others, and what comes back. */
import { Offer } from '#gen/bistro/couriers/v1/messages.ts';
import { DishReady, PrepareDish } from '#gen/bistro/kitchen/v1/messages.ts';
import { DeliveryWanted } from '#gen/bistro/waiter/v1/messages.ts';
import { exchange } from '#mesh';

/** One dish, of the kitchen. */
export const preparation = exchange(PrepareDish, DishReady);

/** Offers to bring an order home, of everybody who has wheels. */
export const delivery = exchange(DeliveryWanted, Offer);
