import type { Endpoint } from '../kernel/endpoint.ts';

/**
 * Whether two endpoints say the same; the order of metadata says nothing. Field by field and without a copy:
 * it runs for every instance of a service at every update of it.
 */
export function sameEndpoint(one: Endpoint, other: Endpoint | undefined): boolean {
  if (one === other) return true;
  return (
    one.instanceId === other?.instanceId &&
    one.host === other.host &&
    one.port === other.port &&
    one.service === other.service &&
    sameTexts(one.metadata, other.metadata)
  );
}

function sameTexts(one: Endpoint['metadata'], other: Endpoint['metadata']): boolean {
  for (const key in one) if (one[key] !== other[key]) return false;
  for (const key in other) if (one[key] === undefined) return false;
  return true;
}
