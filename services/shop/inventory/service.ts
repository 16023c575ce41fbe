/**
 * The contract's three calls over the store. A reservation that cannot be had is an answer, and only an
 * order that is gone already is an error: nobody asks for it in good order.
 */
import type {
  ImportStockRequest,
  ImportStockResponse,
  InventoryServiceDefinition,
} from '#gen/shop/inventory/v1/inventory.ts';
import { type Clock, type Implementation, MeshError } from '#mesh';
import { checkDelivery, type DeliveryFault, type DeliveryItem } from './stock.ts';
import type { StockStore } from './store.ts';
import { fromImport, toItem, toResponse } from './wire.ts';

export interface InventoryServiceOptions {
  readonly stock: StockStore;
  readonly clock: Clock;
}

/** A delivery is held in memory until it is complete, because it is booked all or not at all. */
const maxDeliveryItems = 10_000;

/** shop.inventory.v1.InventoryService. */
export function inventoryService(
  options: InventoryServiceOptions,
): Implementation<InventoryServiceDefinition> {
  const { stock } = options;
  return {
    async reserve({ orderId, lines }) {
      const decision = await stock.reserve(orderId, lines);
      if (decision.outcome === 'void') throw declinedBefore(orderId);
      return toResponse(decision);
    },

    async getStock({ sku }) {
      const shelf = await stock.find(sku);
      if (shelf === undefined) throw notSold(sku);
      return { item: toItem(shelf) };
    },

    importStock: (requests) => importStock(options, requests),
  };
}

async function importStock(
  { stock, clock }: InventoryServiceOptions,
  requests: AsyncIterable<ImportStockRequest>,
): Promise<ImportStockResponse> {
  const items: DeliveryItem[] = [];
  for await (const request of requests) {
    if (items.length === maxDeliveryItems) throw tooLong();
    items.push(fromImport(request));
  }
  // A stream without messages has no field at fault that the schema could name.
  if (items.length === 0) throw empty();
  const faults = checkDelivery(items);
  if (faults.length > 0) throw refused(faults);
  const result = await stock.book(items, clock.now());
  if (result.kind === 'refused') throw refused(result.faults);
  const { articles, pieces, before } = result;
  return { articles, pieces: BigInt(pieces), alreadyBooked: before };
}

function declinedBefore(orderId: string): MeshError {
  return new MeshError(
    `order ${orderId} was declined before this reservation came; nothing is taken off the shelf`,
    { status: 'FAILED_PRECONDITION', reason: 'ORDER_DECLINED' },
  );
}

export function notSold(sku: string): MeshError {
  return new MeshError(
    `there is no article "${sku}"; import it with ImportStock, or look at the SKU`,
    {
      status: 'NOT_FOUND',
      reason: 'UNKNOWN_SKU',
      details: { facts: { sku } },
    },
  );
}

function empty(): MeshError {
  return MeshError.invalid('this delivery is empty', [
    { field: 'delivery_id', description: 'send at least one article', reason: 'REQUIRED' },
  ]);
}

function tooLong(): MeshError {
  const most = String(maxDeliveryItems);
  return new MeshError(
    `this delivery has more than ${most} messages; send it as several deliveries`,
    {
      status: 'RESOURCE_EXHAUSTED',
      reason: 'DELIVERY_TOO_LONG',
    },
  );
}

/** Fields are named with their place in the stream, as "[3].unit_price". */
function refused(faults: readonly DeliveryFault[]): MeshError {
  return MeshError.invalid(
    'nothing of this delivery is booked',
    faults.map(({ index, field, description, reason }) => ({
      field: `[${String(index)}].${field}`,
      description,
      reason,
    })),
  );
}
