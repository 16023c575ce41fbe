import { addressOf, type Endpoint } from '../kernel/endpoint.ts';
import type { Random } from '../kernel/random.ts';
import type { Status } from '../kernel/status.ts';
import {
  type EjectionOptions,
  failed,
  type Health,
  healthy,
  refused,
  succeeded,
} from './ejection.ts';
import { decayed, observe, type PeakEwma } from './ewma.ts';

/** What the balancer knows of one endpoint. */
export interface Peer {
  /** Replaced when only its metadata changed. */
  endpoint: Endpoint;
  readonly latency: PeakEwma;
  health: Health;
  inFlight: number;
  /** On probation: a call is trying it. */
  probing: boolean;
}

/** How one attempt ended. */
export interface Outcome {
  /** False for a failure of the transport's class: one for which the endpoint is to blame. */
  readonly ok: boolean;
  /** CANCELLED says nothing of the endpoint: the caller left. */
  readonly status: Status;
  /** True if it refused the call before any handler saw it: it is gone, or going. Ejects it at once. */
  readonly refused?: boolean;
  /** False for a stream: how long it lived says nothing of how fast the endpoint is. Default true. */
  readonly timed?: boolean;
}

export interface PeerOptions extends EjectionOptions {
  readonly random: Random;
  /** Time constant of the latency average, in ms. */
  readonly tauMs: number;
}

/** Cost of an endpoint whose first answer is still out: above any that has answered. */
const unknownCost = 1e9;

export function newPeer(endpoint: Endpoint, nowMs: number): Peer {
  const latency = { value: 0, stampMs: nowMs };
  return { endpoint, latency, health: healthy, inFlight: 0, probing: false };
}

/** The same instance at another address is another server: nothing known of the old one holds. */
export function keyOf(endpoint: Endpoint): string {
  return `${endpoint.instanceId} ${addressOf(endpoint)}`;
}

/** Whether it takes a call now, panic aside. */
export function isOpen({ health, probing }: Peer): boolean {
  return health.kind === 'in' || (health.kind === 'probation' && !probing);
}

/** What one more call would cost here: its latency x (calls in flight + 1). Only the order matters. */
export function costOf({ latency, inFlight }: Peer, nowMs: number, tauMs: number): number {
  if (latency.value === 0) return inFlight === 0 ? 0 : unknownCost + inFlight;
  return decayed(latency, nowMs, tauMs) * (inFlight + 1);
}

/** Learns from the end of a call that began at `startMs`. */
export function learn(
  peer: Peer,
  outcome: Outcome,
  { startMs, nowMs }: { startMs: number; nowMs: number },
  options: PeerOptions,
): void {
  const { tauMs, random } = options;
  const { ok, status, timed = true } = outcome;
  const tookMs = nowMs - startMs;
  const answered = ok && status !== 'CANCELLED';
  // A refused connection fails in no time and a caller may leave early: neither may make an endpoint look
  // fast, or it would draw all traffic. Both may show that it is slower than thought.
  if (timed && (answered || tookMs > decayed(peer.latency, nowMs, tauMs))) {
    observe(peer.latency, tookMs, nowMs, tauMs);
  }
  if (outcome.refused === true) peer.health = refused(peer.health, nowMs, options, random);
  else if (!ok) peer.health = failed(peer.health, nowMs, options, random);
  else if (answered) peer.health = succeeded(peer.health);
}
