import { z } from 'zod';

/** Which events of a topic a client wants; all conditions must hold. */
export const filterShape = z
  .strictObject({
    /** Names of types, in full or their last part: ["OrderConfirmed"]. */
    types: z.array(z.string().max(200)).min(1).max(20).optional(),
    /** Values of the key, as an order id. */
    keys: z.array(z.string().max(200)).min(1).max(100).optional(),
    /** What fields must be, by their path in JSON: { "customerId": "ada", "total.currencyCode": "EUR" }. */
    fields: z
      .record(z.string().max(200), z.union([z.string().max(200), z.number(), z.boolean()]))
      .optional(),
  })
  .default({});

export type Filter = z.output<typeof filterShape>;

/** What a filter looks at. */
export interface Filtered {
  readonly type: string;
  readonly key: string;
  /** The message in proto3 JSON. */
  readonly data: unknown;
}

/** The filter as a function, made once for all events. */
export function createFilter({ types, keys, fields = {} }: Filter): (event: Filtered) => boolean {
  const wantedTypes = types && new Set(types);
  const wantedKeys = keys && new Set(keys);
  const wantedFields = Object.entries(fields).map(
    ([path, value]) => [path.split('.'), String(value)] as const,
  );
  return ({ type, key, data }) =>
    (wantedTypes === undefined || wantedTypes.has(type) || wantedTypes.has(lastPart(type))) &&
    (wantedKeys === undefined || wantedKeys.has(key)) &&
    wantedFields.every(([path, value]) => valueAt(data, path) === value);
}

function lastPart(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** As text, because proto3 JSON writes 64-bit numbers as text; undefined where nothing comparable stands. */
function valueAt(data: unknown, path: readonly string[]): string | undefined {
  let at = data;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  const isPlain = typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean';
  return isPlain ? String(at) : undefined;
}
