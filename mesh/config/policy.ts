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

/** Failures and delays put into calls on purpose, each attempt for itself, until a moment. */
export interface Fault {
  /** The method's name in the schema, as "PlaceOrder"; absent: all that have no fault of their own. */
  readonly method?: string;
  /** A share of the attempts, 0 to 1, that fail with this status and are not sent. */
  readonly abort?: { readonly status: Status; readonly share: number };
  /** A share of the attempts, 0 to 1, that wait so long before they are sent, or fail. */
  readonly delay?: { readonly ms: number; readonly share: number };
  /** When it ends by itself, as "2026-06-01T12:00:00.000Z". */
  readonly until: string;
}

/** What may be said of a target, for all who call it. */
export interface TargetPolicy {
  /** For every method, and by method name ("PlaceOrder") over it. */
  readonly defaults?: MethodPolicy;
  /** By the method's name in the schema, as "PlaceOrder". */
  readonly methods?: Readonly<Record<string, MethodPolicy>>;
  /** The wait between attempts, doubling, in ms. Default 25 to 250. */
  readonly retry?: { readonly baseMs?: number; readonly maxMs?: number };
  /**
   * What retries and hedges may add together: a share of the calls of the last 10 s, 0 to 1, and so many a
   * second. Default 0.2 and 10.
   */
  readonly budget?: { readonly share?: number; readonly perSecond?: number };
  /**
   * When calls are refused for a while. Default: under 0.8 of at least 5 calls in 10 000 ms, or 7 failures in
   * a row; for 1 000 ms, doubling to 60 000.
   */
  readonly breaker?: {
    readonly minSuccessRate?: number;
    readonly windowMs?: number;
    readonly minCalls?: number;
    readonly consecutive?: number;
    readonly openMs?: number;
    readonly maxOpenMs?: number;
  };
  /** Most calls and streams at a time. Default 1 024. */
  readonly bulkhead?: { readonly maxInFlight?: number };
  /** False: calls go plainly, also to peers that know the lane. */
  readonly lane?: boolean;
  /** False: never over a Unix socket. */
  readonly unix?: boolean;
  /** Live policy only: what `weft fault` puts into calls. At most 20, one a method. */
  readonly faults?: readonly Fault[];
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
