import type {
  Operation as OperationMessage,
  ProductsServiceDefinition,
  WatchOperationResponse,
} from '#gen/catalogue/products/v1/products.ts';
import { type HandlerContext, type Implementation, MeshError } from '#mesh';
import { type ImportOptions, putProduct } from './imports.ts';
import { isFinished, type Operation } from './product.ts';

/** How late a watcher may hear of a step that another instance has made, in ms. */
const lookEveryMs = 500;

/** catalogue.products.v1.ProductsService. */
export function productsService(options: ImportOptions): Implementation<ProductsServiceDefinition> {
  const { store, shelf } = options;
  return {
    async putProduct(product) {
      return { version: await store.transaction((tx) => putProduct(options, tx, product)) };
    },

    async getStock({ productId }) {
      const stock = await shelf.stockOf(productId);
      if (stock !== undefined) return { stock };
      throw missing(`there is no product ${productId}`, 'NO_SUCH_PRODUCT');
    },

    async importProducts({ operationId, products }) {
      return { operation: toMessage(await shelf.begin(operationId, products)) };
    },

    async getOperation({ operationId }) {
      return { operation: toMessage(await operationOf(options, operationId)) };
    },

    watchOperation: ({ operationId }, context) => watch(options, operationId, context),
  };
}

async function* watch(
  options: ImportOptions,
  operationId: string,
  { signal, draining }: HandlerContext,
): AsyncGenerator<WatchOperationResponse> {
  const over = AbortSignal.any([signal, draining]);
  let told = -1;
  while (!over.aborted) {
    // Listens before it looks, so that no step falls between the two.
    const news = options.bell.heard({ key: operationId, withinMs: lookEveryMs, signal: over });
    const operation = await operationOf(options, operationId);
    if (operation.done !== told) yield { operation: toMessage(operation) };
    if (isFinished(operation)) return;
    told = operation.done;
    await news;
  }
  throw new MeshError('this instance is leaving; watch again', { status: 'UNAVAILABLE' });
}

async function operationOf({ shelf }: ImportOptions, operationId: string): Promise<Operation> {
  const operation = await shelf.operation(operationId);
  if (operation !== undefined) return operation;
  throw missing(`there is no operation ${operationId}`, 'NO_SUCH_OPERATION');
}

function toMessage(operation: Operation): OperationMessage {
  return { ...operation, finished: isFinished(operation) };
}

function missing(what: string, reason: string): MeshError {
  return new MeshError(what, { status: 'NOT_FOUND', reason });
}
