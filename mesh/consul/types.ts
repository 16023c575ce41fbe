/** What every request to Consul may be told. */
export interface RequestOptions {
  /** Ends the request at once. */
  readonly signal?: AbortSignal;
  /**
   * Longest time until the whole answer is there, in ms. Default 10 000: Consul itself holds a request for
   * up to 7 s while it has no leader (rpc_hold_timeout), and its own answer says more than a timeout. A
   * blocking query has `blockTimeoutMs` instead.
   */
  readonly timeoutMs?: number;
}

/** Asks Consul to answer only when something changed. */
export interface Block {
  /** The index of the answer that is known; 0 asks for an answer at once. */
  readonly index: bigint;
  /** How long Consul may hold the request, in ms; it adds up to a sixteenth. */
  readonly waitMs: number;
}

/**
 * How fresh a read must be. `default`: the leader answers. `consistent`: it asks the others first whether
 * it still leads. `stale`: any server answers, also while there is no leader. `cached`: the agent answers
 * from memory. Source: Consul, HTTP API, consistency modes.
 */
export type Freshness = 'default' | 'consistent' | 'stale' | 'cached';

export interface ReadOptions extends RequestOptions {
  /** Default 'default'. */
  readonly freshness?: Freshness;
  readonly block?: Block;
}

/** A value, and the index to block on until it changes. */
export interface Answer<T> {
  readonly value: T;
  /** X-Consul-Index as it came: `advance` judges it. */
  readonly index: string | undefined;
}

/** The check that Consul's agent runs against a service: grpc.health.v1.Health/Check of the whole server. */
export interface GrpcCheck {
  /** "host:port". */
  readonly address: string;
  /** Whether the instance speaks TLS. The agent shows no certificate and judges none. Default false. */
  readonly tls?: boolean;
  /** Pause between two probes, in ms. */
  readonly intervalMs: number;
  /** Longest answer of a probe, in ms; a refused connection fails at once. */
  readonly timeoutMs: number;
  /** A service that fails this long is forgotten, in ms. Consul takes no less than a minute. */
  readonly forgetAfterMs: number;
}

/** A service instance as this agent is told of it. */
export interface ServiceRegistration {
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly check: GrpcCheck;
}

/**
 * A service instance as Consul tells of it. Anyone who may write to Consul wrote this: nothing here is
 * checked beyond its type, and a field of the wrong type reads as empty.
 */
export interface RegisteredService {
  readonly id: string;
  readonly service: string;
  /** The service's own address, or that of its node. */
  readonly host: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, string>>;
}

/** A service instance with the state of its checks and those of its node: the worst of them. */
export interface ServiceInstance extends RegisteredService {
  readonly node: string;
  readonly health: 'passing' | 'warning' | 'critical';
}

/** What an agent says of itself. */
export interface AgentInfo {
  readonly node: string;
  readonly datacenter: string;
  /** As "1.8.7". */
  readonly version: string;
  /** What holds for a call that no intention speaks of. */
  readonly intentionsByDefault: 'allow' | 'deny';
}

/** A key of the key/value store with the text under it. */
export interface StoredValue {
  readonly key: string;
  readonly value: string;
  /** Changes with each write (ModifyIndex). */
  readonly version: number;
}

/** The config entries that say where calls go. */
export type ConfigKind = 'service-resolver' | 'service-splitter' | 'service-router';

/** A config entry as Consul gives it: its fields are as they were written, and nothing of them is checked. */
export interface ConfigEntry {
  readonly name: string;
  /** Changes with each write (ModifyIndex). */
  readonly version: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A certificate of Consul's CA, in PEM. */
export interface ConnectLeaf {
  /** The service's own first, then those between it and the root, if there are any. */
  readonly certificates: string;
  readonly key: string;
}

/** Whom Consul's CA trusts. */
export interface ConnectRoots {
  readonly trustDomain: string;
  /** In PEM. */
  readonly roots: readonly string[];
}

/** Who may call whom, as somebody has written it: "*" is everybody, an empty text was not there. */
export interface Intention {
  readonly source: string;
  readonly sourceNamespace: string;
  /** Another cluster, of which the source is; empty: this one. */
  readonly sourcePeer: string;
  readonly destination: string;
  readonly destinationNamespace: string;
  /** "allow" or "deny"; empty where permissions decide. */
  readonly action: string;
  /** The greatest that fits decides. */
  readonly precedence: number;
  /** The first that fits decides. */
  readonly permissions: readonly IntentionPermission[];
  /** Whether callers need a token (JWT) beside their certificate. */
  readonly needsToken: boolean;
}

/** What an intention says of some requests: those that all of its non-empty fields fit. */
export interface IntentionPermission {
  readonly action: string;
  readonly pathExact: string;
  readonly pathPrefix: string;
  readonly pathRegex: string;
  readonly methods: readonly string[];
  /** Whether it asks for headers or tokens too. */
  readonly more: boolean;
}
