import type { BalancerEvent } from '../../balance/balancer.ts';
import type { PolicySource } from '../../config/policy.ts';
import type { TrafficSource } from '../../config/traffic.ts';
import type { Resolver } from '../../discovery/resolver.ts';
import type { Layer, StreamLayer } from '../../kernel/call.ts';
import type { CallPolicy } from '../../resilience/user-policy.ts';
import type { ServiceDefinition } from '../../schema/definition.ts';
import type { RpcMetrics } from '../../telemetry/rpc-metrics.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import type { Transport } from '../transport.ts';
import type { Fallbacks, LastAnswersOf } from './fallback.ts';
import type { PolicyOptions, PolicyPorts } from './policy.ts';

/** What the clients of one process have in common. */
export interface PeersOptions extends PolicyPorts {
  /** Where the instances of targets are found. */
  readonly resolver: Resolver;
  /** How calls reach an endpoint. Default: by lane to those that serve lanes, else plain gRPC. */
  readonly transport?: Transport;
  /** Live policy by target. Default: none. */
  readonly policySource?: PolicySource;
  /** Live traffic plans by target. Default: all calls go to all instances. */
  readonly trafficSource?: TrafficSource;
  /** Where the span of each call goes. Default: nowhere. */
  readonly spans?: SpanSink;
  /** Told of each call and attempt. Default: nobody. */
  readonly metrics?: RpcMetrics;
  /**
   * Told of what the balancers do: ejections, returns, panic; `destination` as "inventory" or "inventory/v2".
   * It is called within the call that causes the event: be quick, and do not throw. Default: each is logged to
   * `log`. For metrics too, give createBalancerEvents({ log, registry }).
   */
  readonly onBalancer?: (destination: string, event: BalancerEvent) => void;
  /**
   * Which process this is, as "orders-7f3a": of a target with more than 64 instances a process uses 32, and
   * which ones follows from this name, so that it has the same after a restart. Default: a random one.
   */
  readonly clientId?: string;
  /** The zone of this process; endpoints of the same zone are preferred. */
  readonly zone?: string;
  /** Longest wait of a call for the first answer of discovery, in ms. Default 1000. */
  readonly waitForEndpointMs?: number;
  /**
   * Whether the calls that begin within one turn of the event loop go to one endpoint, up to 32 of them, where
   * they travel over a lane. Default true: the batch is what makes a lane cheap.
   */
  readonly batch?: boolean;
}

/** What is said of one client. */
export interface StubOptions<D extends ServiceDefinition = ServiceDefinition>
  extends PolicyOptions {
  /** The name to look for. Default: from the service's package, "shop.orders.v1.OrdersService" -> "orders". */
  readonly target?: string;
  /**
   * A policy of cockatiel around each call, or policies by function of the stub. It runs inside the call's
   * deadline and outside of weft's breaker and bulkhead; of a stream it sees the time until the first message.
   */
  readonly policy?: CallPolicy | { readonly [K in keyof D['methods']]?: CallPolicy };
  /** Answers for when the target gives none. */
  readonly fallback?: Fallbacks<D>;
  /** Which methods answer with what they answered last when the target gives none. */
  readonly lastAnswer?: LastAnswersOf<D>;
  /** Around every call, outermost first: outside of all that weft does but the computing of the deadline. */
  readonly layers?: readonly ClientLayer[];
}

/** Whatever a person puts around the calls of a client; a kind that is absent passes as it is. */
export interface ClientLayer {
  /** Around unary calls. */
  readonly call?: Layer;
  /** Around streams of all three kinds. */
  readonly stream?: StreamLayer;
}

/** A client that stands alone. */
export interface ClientOptions<D extends ServiceDefinition = ServiceDefinition>
  extends PeersOptions,
    StubOptions<D> {}
