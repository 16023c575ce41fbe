/** Reading of what Consul answered: a field of another type reads as empty. */

/** A list; Go writes an empty one as null. Throws for anything else. */
export function list(value: unknown): readonly unknown[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new TypeError('it answered with something that is not a list');
  return value;
}

export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
