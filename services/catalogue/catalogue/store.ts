/** The read model in SQL. */
import { type Migration, type Store, sql, type Transaction } from '#mesh';

export const catalogueMigrations: readonly Migration[] = [
  {
    name: '001-catalogue',
    up: `
      create table products (
        product_id text primary key,
        name text not null,
        cents integer not null,
        version integer not null
      );
      create index products_by_price on products (cents);
      create table news (
        operation_id text primary key,
        products integer not null
      );
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface CatalogueDb {
  products: { product_id: string; name: string; cents: number; version: number };
  news: { operation_id: string; products: number };
}

export interface Product {
  readonly productId: string;
  readonly name: string;
  readonly cents: number;
}

export interface News {
  readonly operationId: string;
  readonly products: number;
}

export interface Model {
  /** Takes a version of a product down, unless a newer one stands there. */
  know(
    tx: Transaction<CatalogueDb>,
    product: Product & { readonly version: number },
  ): Promise<void>;
  tell(tx: Transaction<CatalogueDb>, news: News): Promise<void>;
  search(wanted: {
    readonly text: string;
    readonly maxCents: number;
  }): Promise<{ readonly products: readonly Product[]; readonly found: number }>;
  find(productId: string): Promise<Product | undefined>;
  news(): Promise<readonly News[]>;
}

const most = 100;

/** What stands for itself in a LIKE pattern. */
function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}

export function createModel({ db }: Store<CatalogueDb>): Model {
  return {
    async know(tx, { productId, name, cents, version }) {
      await tx
        .insertInto('products')
        .values({ product_id: productId, name, cents, version })
        .onConflict((conflict) =>
          conflict
            .column('product_id')
            .doUpdateSet({ name, cents, version })
            .where('products.version', '<', version),
        )
        .execute();
    },

    async tell(tx, { operationId, products }) {
      await tx
        .insertInto('news')
        .values({ operation_id: operationId, products })
        .onConflict((conflict) => conflict.column('operation_id').doNothing())
        .execute();
    },

    async search({ text, maxCents }) {
      const matching = db
        .selectFrom('products')
        .where(sql<boolean>`lower(name) like lower(${`%${escaped(text)}%`}) escape '\\'`)
        .$if(maxCents > 0, (query) => query.where('cents', '<=', maxCents));
      const rows = await matching
        .select(['product_id as productId', 'name', 'cents'])
        .orderBy('cents')
        .orderBy('product_id')
        .limit(most)
        .execute();
      const { found } = await matching
        .select((eb) => eb.fn.countAll<number>().as('found'))
        .executeTakeFirstOrThrow();
      return { products: rows, found };
    },

    find: (productId) =>
      db
        .selectFrom('products')
        .select(['product_id as productId', 'name', 'cents'])
        .where('product_id', '=', productId)
        .executeTakeFirst(),

    news: () => db.selectFrom('news').select(['operation_id as operationId', 'products']).execute(),
  };
}
