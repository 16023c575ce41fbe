/** Products and operations: plain data, no I/O. */

export interface Product {
  readonly productId: string;
  readonly name: string;
  readonly cents: number;
  readonly stock: number;
}

/** Work that goes on after its caller was answered. */
export interface Operation {
  readonly operationId: string;
  readonly total: number;
  readonly done: number;
}

export function isFinished({ total, done }: Operation): boolean {
  return done >= total;
}

/** Products of one batch: short enough that others get their turn at the database. */
const batch = 50;

/** The next products of an import, made up from its id. */
export function nextProducts({ operationId, total, done }: Operation): readonly Product[] {
  return Array.from({ length: Math.min(batch, total - done) }, (_, i) => {
    const number = done + i + 1;
    const productId = `${operationId}-${String(number)}`;
    return { productId, name: `Import ${String(number)}`, cents: 100 + number, stock: number };
  });
}
