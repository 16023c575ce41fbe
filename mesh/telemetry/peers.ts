/** What a process knows of those it calls, at one moment. The client side of rpc tells it; metrics and admin read it. */
export interface PeersView {
  /** One entry for each target that there is a client for. */
  targets(): readonly TargetView[];
}

export interface TargetView {
  /** The service name in discovery. */
  readonly target: string;
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** Calls that the bulkhead counts. */
  readonly inFlight: number;
  /** Retries and hedges that the budget allows now. */
  readonly retryBudget: number;
  /** True while discovery cannot be reached and its last answer is in use. */
  readonly stale: boolean;
  readonly endpoints: readonly EndpointView[];
}

export interface EndpointView {
  readonly instanceId: string;
  /** "host:port". */
  readonly address: string;
  /** In the balancer's words; 'ejected' is the one that is counted. */
  readonly health: string;
  /** Unary calls under way. */
  readonly inFlight: number;
  /** Streams that are open. */
  readonly streams: number;
  readonly latencyMs: number;
  /** Share of successes of late. */
  readonly successRate: number;
  /** The share of its turn that it takes: below 1 for one that joined lately. */
  readonly weight: number;
  /** 0 unless it is ejected. */
  readonly ejectedForMs: number;
  /** How its calls travel; absent when nobody counts that. */
  readonly lane?: LaneView | undefined;
}

/** Lanes to one endpoint, or those on which a server serves; the counts only ever grow. */
export interface LaneView {
  /** Lanes that are open now. */
  readonly open: number;
  readonly calls: number;
  /** Writes to the socket; calls / writes is what batching wins. */
  readonly writes: number;
  /** Calls that went plainly, by reason, as "body" (too large for a lane) or "no-lane". */
  readonly plainCalls: Readonly<Record<string, number>>;
}
