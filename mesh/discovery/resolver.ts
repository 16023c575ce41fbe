import type { Endpoint } from '../kernel/endpoint.ts';

/** The instances of a service that calls may be sent to, at one moment. */
export interface Snapshot {
  /** The name that was watched. */
  readonly service: string;
  /** Sorted by instanceId, no two of one id. */
  readonly endpoints: readonly Endpoint[];
  /** True while the registry cannot be reached and this is the last answer it gave. */
  readonly stale: boolean;
  /**
   * The ids of those endpoints whose health check fails, and that stay in use because too many fail at once
   * to be believed (probation.ts). Absent if there is none.
   */
  readonly suspects?: ReadonlySet<string>;
}

/** Ends a watch: no listener call happens after `close` returns. */
export interface Watch {
  /** May be called twice. */
  close(): void;
}

/**
 * Where the instances of a service are found.
 *
 * `watch` calls the listener with a snapshot as soon as one is known and again only when endpoints or
 * staleness changed: an unchanged answer is not pushed. The first snapshot may be empty: nobody serves.
 * When the registry goes away the last good endpoints stay, marked stale; the listener is never called
 * with an empty set because of an outage, nor because the checks of all instances fail. A listener that throws does not end the watch (the fault is
 * logged). Throws INVALID_ARGUMENT at once for a name that is not a service name.
 */
export interface Resolver {
  /** Follows one service until the watch is closed; any number of watches may follow the same. */
  watch(service: string, listener: (snapshot: Snapshot) => void): Watch;
}
