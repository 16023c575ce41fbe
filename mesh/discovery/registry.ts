import type { Endpoint } from '../kernel/endpoint.ts';
import type { Closeable } from '../kernel/lifecycle.ts';

/** A registration that is kept alive until it is closed; closing takes the instance out of discovery. */
export type Lease = Closeable;

/**
 * Where an instance makes itself known.
 *
 * `register` resolves when the instance can be found by others; it throws INVALID_ARGUMENT for a name
 * that is not a service name and UNAVAILABLE when the registry cannot be reached before `signal` aborts.
 * Afterwards the lease heals by itself: an instance that the registry forgot (agent restarted, data lost)
 * is registered again. Registering the same `instanceId` again replaces what was known of it.
 * Call it when the instance serves, and close the lease before it stops serving.
 */
export interface Registry {
  register(endpoint: Endpoint, signal?: AbortSignal): Promise<Lease>;
}
