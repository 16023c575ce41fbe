import type { Status } from '../kernel/status.ts';

/** What may be said of one method; an absent value means "whatever the level below says". */
export interface MethodPolicy {
  /** Longest time of a unary call over all its attempts, in ms. */
  readonly timeoutMs?: number;
  /** Most attempts, the first counted. */
  readonly attempts?: number;
  /** Longest silence of a stream, in ms; 0 = no limit. */
  readonly idleTimeoutMs?: number;
  /** Share of calls that may be hedged, 0 to 1; heeded for methods without side effects only. */
  readonly maxExtraLoad?: number;
  /** Statuses retried beside those that always are; heeded for idempotent methods only. */
  readonly retryOn?: readonly Status[];
}

/** What may be said of a target, for all who call it. */
export interface TargetPolicy {
  /** For every method, and by method name ("PlaceOrder") over it. */
  readonly defaults?: MethodPolicy;
  readonly methods?: Readonly<Record<string, MethodPolicy>>;
  readonly retry?: { readonly baseMs?: number; readonly maxMs?: number };
  readonly budget?: { readonly share?: number; readonly perSecond?: number };
  readonly breaker?: {
    readonly minSuccessRate?: number;
    readonly windowMs?: number;
    readonly minCalls?: number;
    readonly consecutive?: number;
    readonly openMs?: number;
    readonly maxOpenMs?: number;
  };
  readonly bulkhead?: { readonly maxInFlight?: number };
  /** False: calls go plainly, also to peers that know the lane. */
  readonly lane?: boolean;
  /** False: never over a Unix socket. */
  readonly unix?: boolean;
}

/** Where a value of the effective policy was said, in rising order of weight. */
export type Origin = 'default' | 'schema' | 'client' | 'kv' | 'kv method';

/** Live policies by target. The port; config/consul follows weft/policy/<service> in Consul's KV store. */
export interface PolicySource {
  /**
   * Tells the listener the policy that stands for `target` (undefined if none does), never before this call
   * has returned, and each valid change. A value that does not pass is reported and changes nothing.
   */
  watch(target: string, listener: (policy: TargetPolicy | undefined) => void): { close(): void };
}
