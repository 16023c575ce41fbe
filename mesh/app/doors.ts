import type { Closeable } from '../kernel/lifecycle.ts';
import type { ServiceParts } from './options.ts';

/** Opens the doors of a service one after the other; gives all that discovery is to know of them. */
export async function openDoors<DB>(
  { doors = [] }: ServiceParts<DB>,
  opened: Closeable[],
): Promise<Readonly<Record<string, string>>> {
  let said: Readonly<Record<string, string>> = {};
  for (const door of doors) {
    // First, so that a door that fails half open is closed as well.
    opened.push(door);
    said = { ...said, ...(await door.start()) };
  }
  return said;
}
