import type { Resolver } from '../../discovery/resolver.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import type { Transport } from '../transport.ts';
import type { PolicyOptions } from './policy.ts';

export interface ClientOptions extends PolicyOptions {
  /** Where the instances of the target are found. */
  readonly resolver: Resolver;
  /** The name to look for. Default: from the service's package, "shop.orders.v1.OrdersService" -> "orders". */
  readonly target?: string;
  /** Where the span of each call goes. Default: nowhere. */
  readonly spans?: SpanSink;
  /** How calls reach an endpoint. Default: plain gRPC. */
  readonly transport?: Transport;
  /** Longest wait of a call for the first answer of discovery, in ms. Default 1000. */
  readonly waitForEndpointMs?: number;
}
