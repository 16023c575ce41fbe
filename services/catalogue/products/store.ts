/** Products and operations in SQL. */
import type { Kysely, Migration, Store, Transaction } from '#mesh';
import type { Operation, Product } from './product.ts';

export const productMigrations: readonly Migration[] = [
  {
    name: '001-products',
    up: `
      create table products (
        product_id text primary key,
        name text not null,
        cents integer not null,
        stock integer not null,
        version integer not null
      );
      create table operations (
        operation_id text primary key,
        total integer not null,
        done integer not null
      );
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface ProductsDb {
  products: { product_id: string; name: string; cents: number; stock: number; version: number };
  operations: { operation_id: string; total: number; done: number };
}

type Tx = Transaction<ProductsDb>;

export interface Shelf {
  /** Gives the version that it has then. */
  put(tx: Tx, product: Product): Promise<number>;
  stockOf(productId: string): Promise<number | undefined>;
  /** Begins an operation unless it has begun; gives it. */
  begin(operationId: string, total: number): Promise<Operation>;
  operation(operationId: string): Promise<Operation | undefined>;
  /** One that is not finished. In a transaction of its writer nobody else goes on with it. */
  unfinished(tx: Tx): Promise<Operation | undefined>;
  advance(tx: Tx, operationId: string, done: number): Promise<void>;
}

export function createShelf({ db, dialect }: Store<ProductsDb>): Shelf {
  return {
    async put(tx, { productId, ...product }) {
      const { version } = await tx
        .insertInto('products')
        .values({ product_id: productId, ...product, version: 1 })
        .onConflict((conflict) =>
          conflict
            .column('product_id')
            .doUpdateSet((row) => ({ ...product, version: row('products.version', '+', 1) })),
        )
        .returning('version')
        .executeTakeFirstOrThrow();
      return version;
    },
    async stockOf(productId) {
      const row = await db
        .selectFrom('products')
        .select('stock')
        .where('product_id', '=', productId)
        .executeTakeFirst();
      return row?.stock;
    },
    async begin(operationId, total) {
      await db
        .insertInto('operations')
        .values({ operation_id: operationId, total, done: 0 })
        .onConflict((conflict) => conflict.column('operation_id').doNothing())
        .execute();
      return (await find(db, operationId)) ?? { operationId, total, done: 0 };
    },
    operation: (operationId) => find(db, operationId),
    async unfinished(tx) {
      const row = await tx
        .selectFrom('operations')
        .selectAll()
        .whereRef('done', '<', 'total')
        .orderBy('operation_id')
        .limit(1)
        .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked())
        .executeTakeFirst();
      return row && { operationId: row.operation_id, total: row.total, done: row.done };
    },
    async advance(tx, operationId, done) {
      await tx
        .updateTable('operations')
        .set({ done })
        .where('operation_id', '=', operationId)
        .execute();
    },
  };
}

async function find(db: Kysely<ProductsDb>, operationId: string): Promise<Operation | undefined> {
  const row = await db
    .selectFrom('operations')
    .select(['total', 'done'])
    .where('operation_id', '=', operationId)
    .executeTakeFirst();
  return row && { operationId, ...row };
}
