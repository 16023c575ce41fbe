/** Between the domain and its messages, both ways: the only file in which the two meet. */
import {
  type ImportStockRequest,
  ReserveOutcome,
  type ReserveResponse,
  type StockItem,
} from '#gen/shop/inventory/v1/inventory.ts';
import type { Money } from '#gen/shop/money/v1/money.ts';
import { currency, type Decision, type DeliveryItem, type Shelf } from './stock.ts';

const outcomes: Record<Decision['outcome'], ReserveOutcome> = {
  reserved: ReserveOutcome.RESERVED,
  'out-of-stock': ReserveOutcome.OUT_OF_STOCK,
  'unknown-sku': ReserveOutcome.UNKNOWN_SKU,
};

/** A decision as it travels. */
export function toResponse(decision: Decision): ReserveResponse {
  const outcome = outcomes[decision.outcome];
  return decision.outcome === 'reserved'
    ? { outcome, sku: '', total: toMoney(decision.total) }
    : { outcome, sku: decision.sku, total: undefined };
}

/** A shelf as it travels. */
export function toItem({ sku, available, reserved, unitPrice }: Shelf): StockItem {
  return {
    sku,
    available: BigInt(available),
    reserved: BigInt(reserved),
    unitPrice: toMoney(unitPrice),
  };
}

/** One message of a delivery; the price stays a bigint until it was found small enough. */
export function fromImport({
  deliveryId,
  sku,
  quantity,
  unitPrice,
}: ImportStockRequest): DeliveryItem {
  if (unitPrice === undefined) return { deliveryId, sku, quantity };
  const { minorUnits, currencyCode } = unitPrice;
  return { deliveryId, sku, quantity, unitPrice: { minorUnits, currency: currencyCode } };
}

function toMoney(minorUnits: number): Money {
  return { minorUnits: BigInt(minorUnits), currencyCode: currency };
}
