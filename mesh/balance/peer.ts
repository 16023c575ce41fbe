import type { Endpoint } from '../kernel/endpoint.ts';
import type { Random } from '../kernel/random.ts';
import type { Status } from '../kernel/status.ts';
import {
  causeOf,
  type EjectionCause,
  type EjectionOptions,
  ejected,
  failed,
  foundAbsent,
  type Health,
  healthy,
  succeeded,
} from './ejection.ts';
import { decayed, observe, type PeakEwma } from './ewma.ts';
import {
  clear,
  count,
  newSuccessWindow,
  type SuccessWindow,
  successRate,
} from './success-window.ts';

/** What the balancer knows of one endpoint. */
export interface Peer<R> {
  /** Replaced when only its metadata changed. */
  endpoint: Endpoint;
  /** What calls travel on, once the first has. */
  opened: { readonly resource: R } | undefined;
  /** False once discovery has dropped it. */
  known: boolean;
  /** In the caller's own zone. */
  local: boolean;
  /** From when it warms up, in monotonic ms; -Infinity for one that was there from the start. */
  readonly joinedMs: number;
  readonly latency: PeakEwma;
  readonly window: SuccessWindow;
  health: Health;
  /** On probation: a call is trying it. */
  probing: boolean;
  /** Unary calls under way. */
  inFlight: number;
  /** Streams that are open. */
  streams: number;
  /** Monotonic ms of the last pick that measures it. */
  pickedMs: number;
  /** Unary calls under way, the first of a list from the oldest to the newest. */
  oldest: Outstanding | undefined;
  newest: Outstanding | undefined;
}

/** A call under way, in the list of its endpoint. */
export interface Outstanding {
  readonly startMs: number;
  older: Outstanding | undefined;
  newer: Outstanding | undefined;
}

/** How one attempt ended. */
export interface Outcome {
  /** False for a failure of the transport's class: one for which the endpoint is to blame. */
  readonly ok: boolean;
  /** CANCELLED says nothing of the endpoint: the caller left. */
  readonly status: Status;
  /** True if nothing was asked of the endpoint, as when a request could not be encoded: nothing is learned. */
  readonly neutral?: boolean;
  /** True if it refused the call before any handler saw it: it is gone, or going. Ejects it at once. */
  readonly refused?: boolean;
  /** False for a stream: how long it lived says nothing of how fast the endpoint is. Default true. */
  readonly timed?: boolean;
  /** With RESOURCE_EXHAUSTED: the pushback of the server, in ms, in place of `exhaustedMs`. */
  readonly retryAfterMs?: number;
}

export interface PeerOptions extends EjectionOptions {
  readonly random: Random;
  /** Time constant of the latency average, in ms. */
  readonly tauMs: number;
  /** Latency for which one RESOURCE_EXHAUSTED counts, in ms. */
  readonly exhaustedMs: number;
}

/** Cost of an endpoint whose first answer is still out: above any that has answered (Finagle). */
const unknownCost = 1e9;
/** Longest latency for which a pushback counts, in ms (Linkerd's cap on Retry-After). */
const longestPushbackMs = 300_000;

export function newPeer<R>(endpoint: Endpoint, nowMs: number, joinedMs: number): Peer<R> {
  return {
    endpoint,
    opened: undefined,
    known: true,
    local: false,
    joinedMs,
    latency: { value: 0, stampMs: nowMs },
    window: newSuccessWindow(),
    health: healthy,
    probing: false,
    inFlight: 0,
    streams: 0,
    pickedMs: nowMs,
    oldest: undefined,
    newest: undefined,
  };
}

/** The same instance at another address is another server: nothing known of the old one holds. */
export function isSameServer(a: Endpoint, b: Endpoint): boolean {
  return a.instanceId === b.instanceId && a.port === b.port && a.host === b.host;
}

/** Whether it takes a call now, panic aside. */
export function isOpen({ health, probing }: Peer<unknown>): boolean {
  return health.kind === 'in' || (health.kind === 'probation' && !probing);
}

/**
 * Whether nobody takes calls there, as far as is known, and no call is due to look. Panic doubts what was judged
 * by answers, and rightly: when most endpoints fail, it is mostly not their fault. A refused connection is no
 * judgement, and calls that are sent there take no load off the others.
 */
export function isAbsent({ health, probing }: Peer<unknown>): boolean {
  return health.kind === 'ejected'
    ? health.absent
    : health.kind === 'probation' && probing && health.absent;
}

/** Whether it takes calls, and has answered the last of them that ended. */
export function isProven({ health, latency }: Peer<unknown>): boolean {
  return health.kind === 'in' && health.failures === 0 && latency.value > 0;
}

/**
 * What one more call would cost here: its latency x (calls in flight + 1). Only the order matters.
 *
 * A call that is out longer than the average is news too: Finagle and Linkerd learn only from answers, and
 * so send to an endpoint that hangs until the first time-out. In panic an ejected endpoint may be asked, but
 * as one that is exhausted: P2C then gives the healthy ones at most twice their share.
 */
export function costOf(peer: Peer<unknown>, nowMs: number, options: PeerOptions): number {
  const { latency, inFlight, oldest, health } = peer;
  let ms = decayed(latency, nowMs, options.tauMs);
  if (health.kind === 'ejected' && ms < options.exhaustedMs) ms = options.exhaustedMs;
  else if (latency.value === 0) return inFlight === 0 ? 0 : unknownCost + inFlight;
  if (oldest !== undefined && nowMs - oldest.startMs > ms) ms = nowMs - oldest.startMs;
  return ms * (inFlight + 1);
}

/** Learns from the end of `call`; tells why, if that ejects the endpoint. */
export function learn(
  call: { readonly peer: Peer<unknown>; readonly startMs: number },
  outcome: Outcome,
  nowMs: number,
  options: PeerOptions,
): EjectionCause | undefined {
  if (outcome.neutral === true) return undefined;
  const { peer, startMs } = call;
  const { ok, status } = outcome;
  measure(peer.latency, outcome, { startMs, nowMs }, options);
  if (ok && status === 'CANCELLED') return undefined;

  const exhausted = status === 'RESOURCE_EXHAUSTED';
  const good = ok && !exhausted;
  const { health } = peer;
  count(peer.window, good, nowMs, options.rateWindowMs);
  // An exhausted endpoint lives: that ends a probation, and neither breaks nor makes a run of failures.
  if (good || (exhausted && health.kind !== 'in')) {
    peer.health = succeeded(health, startMs, nowMs);
    if (peer.health.kind !== health.kind) clear(peer.window);
  } else if (!exhausted) peer.health = failed(health);
  return good ? undefined : judge(peer, outcome.refused === true, nowMs, options);
}

/** Ejects the endpoint if there is enough against it. */
function judge(
  peer: Peer<unknown>,
  refused: boolean,
  nowMs: number,
  options: PeerOptions,
): EjectionCause | undefined {
  const { health, window } = peer;
  const run = health.kind === 'in' ? health.failures : 0;
  const evidence = { refused, run, successRate: successRate(window, options) };
  const cause = causeOf(health, evidence, options);
  if (cause === undefined) {
    if (refused) peer.health = foundAbsent(health);
    return undefined;
  }
  peer.health = ejected(health, { nowMs, absent: refused }, options, options.random);
  clear(window);
  return cause;
}

/**
 * A refused connection fails in no time and a caller may leave early: neither may make an endpoint look
 * fast, or it would draw all traffic. Both may show that it is slower than thought. An answer of
 * RESOURCE_EXHAUSTED is the fastest of all, so it counts as a slow one (Linkerd's load biaser: 5 s).
 */
function measure(
  latency: PeakEwma,
  { ok, status, timed = true, retryAfterMs }: Outcome,
  { startMs, nowMs }: { readonly startMs: number; readonly nowMs: number },
  { tauMs, exhaustedMs }: PeerOptions,
): void {
  if (status === 'RESOURCE_EXHAUSTED') {
    const penaltyMs = Math.min(retryAfterMs ?? exhaustedMs, longestPushbackMs);
    observe(latency, penaltyMs, nowMs, tauMs);
    return;
  }
  const tookMs = nowMs - startMs;
  const answered = ok && status !== 'CANCELLED';
  if (timed && (answered || tookMs > decayed(latency, nowMs, tauMs))) {
    observe(latency, tookMs, nowMs, tauMs);
  }
}
