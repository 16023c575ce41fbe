/** Prices, beside the three calls of the stock: the same shelves, another contract. */
import type { PricesServiceDefinition } from '#gen/shop/inventory/v1/prices.ts';
import { type Implementation, MeshError } from '#mesh';
import { notSold } from './service.ts';
import { priceFaults } from './stock.ts';
import type { StockStore } from './store.ts';
import { toItem } from './wire.ts';

/** shop.inventory.v1.PricesService. */
export function pricesService(stock: StockStore): Implementation<PricesServiceDefinition> {
  return {
    async setPrice({ sku, unitPrice }) {
      const { minorUnits = 0n, currencyCode = '' } = unitPrice ?? {};
      const faults = priceFaults(0, { minorUnits, currency: currencyCode });
      if (faults.length > 0) {
        throw MeshError.invalid(
          'the price stays as it is',
          faults.map(({ field, description, reason }) => ({ field, description, reason })),
        );
      }
      const shelf = await stock.setPrice(sku, Number(minorUnits));
      if (shelf === undefined) throw notSold(sku);
      return { item: toItem(shelf) };
    },
  };
}
