/** What goes on after its caller was answered, and how changes are said. */
import { ImportFinished, ProductChanged } from '#gen/catalogue/products/v1/events.ts';
import type { Bell, Events, Store, Transaction } from '#mesh';
import { isFinished, nextProducts, type Product } from './product.ts';
import type { ProductsDb, Shelf } from './store.ts';

export interface ImportOptions {
  readonly store: Store<ProductsDb>;
  readonly events: Events<ProductsDb>;
  readonly shelf: Shelf;
  /** Rung with the id of an operation that has moved. */
  readonly bell: Bell;
}

/** Writes a product and says so; gives its version. */
export async function putProduct(
  { shelf, events }: Pick<ImportOptions, 'shelf' | 'events'>,
  tx: Transaction<ProductsDb>,
  product: Product,
): Promise<number> {
  const version = await shelf.put(tx, product);
  const { productId, name, cents } = product;
  await events.publish(tx, ProductChanged, { productId, name, cents, version });
  return version;
}

/** Goes on with imports until none is left; a batch, its place and its events are one transaction. */
export async function goOnWithImports(options: ImportOptions, signal: AbortSignal): Promise<void> {
  const { store, shelf, events, bell } = options;
  let more = true;
  while (more && !signal.aborted) {
    const moved = await store.transaction(async (tx) => {
      const operation = await shelf.unfinished(tx);
      if (operation === undefined) return undefined;
      const { operationId, done, total } = operation;
      const products = nextProducts(operation);
      for (const product of products) await putProduct(options, tx, product);
      const after = { ...operation, done: done + products.length };
      await shelf.advance(tx, operationId, after.done);
      if (isFinished(after)) {
        await events.publish(tx, ImportFinished, { operationId, products: total });
      }
      return operationId;
    });
    more = moved !== undefined;
    if (moved !== undefined) bell.ring(moved);
  }
}
