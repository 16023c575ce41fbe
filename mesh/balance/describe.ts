import type { Clock } from '../kernel/clock.ts';
import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import { type EjectionCause, type Health, readmitted } from './ejection.ts';
import { decayed } from './ewma.ts';
import type { Peer } from './peer.ts';
import { warmth } from './roster.ts';
import { successRate } from './success-window.ts';

/** One endpoint as the balancer sees it. */
export interface EndpointState {
  readonly instanceId: string;
  readonly address: string;
  readonly health: Health['kind'];
  /** Unary calls under way. */
  readonly inFlight: number;
  /** Streams that are open. */
  readonly streams: number;
  /** Peak EWMA of the latency in ms; 0 before the first answer. */
  readonly latencyMs: number;
  /** Share of successes of late; 1 while too few calls say anything. */
  readonly successRate: number;
  /** Until it may be tried again, in ms; 0 unless it is ejected. */
  readonly ejectedForMs: number;
  /** The share of its turn that it takes: below 1 for one that joined lately. */
  readonly weight: number;
  /** In the caller's own zone. */
  readonly local: boolean;
}

/** A change that a person may want to hear of. */
export type BalancerEvent =
  | {
      readonly kind: 'ejected';
      readonly endpoint: Endpoint;
      readonly cause: EjectionCause;
      readonly forMs: number;
      /** How often in a row, this one included. */
      readonly ejections: number;
    }
  /** An endpoint that was out has answered. */
  | { readonly kind: 'readmitted'; readonly endpoint: Endpoint }
  /** So many are out that all are asked again; and the end of that. */
  | {
      readonly kind: 'panic-entered' | 'panic-left';
      readonly endpoints: number;
      readonly ejected: number;
    };

export function stateOf(
  peer: Peer<unknown>,
  options: {
    readonly clock: Clock;
    readonly tauMs: number;
    readonly slowStartMs: number;
    readonly minCalls: number;
  },
): EndpointState {
  const nowMs = options.clock.monotonic();
  const health = readmitted(peer.health, nowMs);
  return {
    instanceId: peer.endpoint.instanceId,
    address: addressOf(peer.endpoint),
    health: health.kind,
    inFlight: peer.inFlight,
    streams: peer.streams,
    latencyMs: decayed(peer.latency, nowMs, options.tauMs),
    successRate: successRate(peer.window, options),
    ejectedForMs: health.kind === 'ejected' ? health.untilMs - nowMs : 0,
    weight: warmth(peer.joinedMs, nowMs, options.slowStartMs),
    local: peer.local,
  };
}
