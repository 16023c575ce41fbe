import type { Endpoint } from '../kernel/endpoint.ts';
import type { Outcome, Outstanding, Peer } from './peer.ts';

/** What kind of call an endpoint is picked for: every kind but unary is a stream. */
export type PickKind = 'unary' | 'stream';

/** One endpoint lent out for one attempt. */
export interface Pick<R> {
  readonly endpoint: Endpoint;
  /** What calls to the endpoint travel on; made at its first pick and kept until it leaves. */
  readonly resource: R;
  /**
   * One more attempt on the same endpoint, without choosing: who sends many calls in one turn keeps them
   * together. Where the endpoint should take no more (ejected, on trial or gone) another is picked.
   */
  again(nowMs?: number): Pick<R>;
  /** The first message of a stream has come: the endpoint works, however the stream ends. */
  answered(): void;
  /**
   * Gives the endpoint back; a second time does nothing. `nowMs`: the monotonic time, from whoever has it
   * at hand (reading the clock costs as much as the rest of `done`).
   */
  done(outcome: Outcome, nowMs?: number): void;
}

/** What a lease needs of the balancer that made it. */
export interface Lender<R> {
  monotonic(): number;
  lend(peer: Peer<R>, kind: PickKind, nowMs: number): Pick<R>;
  pick(exclude: undefined, kind: PickKind, nowMs: number): Pick<R> | undefined;
  /** Hears once how a lease went; `probe` if it tried an endpoint after an ejection. */
  settle(lease: Settled<R>, outcome: Outcome, nowMs: number): void;
}

/** A lease that has ended. */
export interface Settled<R> {
  readonly peer: Peer<R>;
  readonly startMs: number;
  readonly probe: boolean;
}

/** A class, because one is made for every attempt: closures would cost more than the choice itself. */
export class Lease<R> implements Pick<R>, Outstanding, Settled<R> {
  readonly endpoint: Endpoint;
  readonly resource: R;
  readonly peer: Peer<R>;
  readonly startMs: number;
  readonly probe: boolean;
  older: Outstanding | undefined = undefined;
  newer: Outstanding | undefined = undefined;
  readonly #lender: Lender<R>;
  readonly #stream: boolean;
  #told = false;
  #returned = false;

  constructor(
    lender: Lender<R>,
    peer: Peer<R>,
    resource: R,
    { stream, nowMs }: { readonly stream: boolean; readonly nowMs: number },
  ) {
    this.#lender = lender;
    this.#stream = stream;
    this.endpoint = peer.endpoint;
    this.resource = resource;
    this.peer = peer;
    this.startMs = nowMs;
    this.probe = peer.health.kind === 'probation';
    if (stream) peer.streams++;
    else append(peer, this);
  }

  again(nowMs: number = this.#lender.monotonic()): Pick<R> {
    const kind = this.#stream ? 'stream' : 'unary';
    const { peer } = this;
    const stays = peer.known && peer.health.kind === 'in';
    const other = stays ? undefined : this.#lender.pick(undefined, kind, nowMs);
    return other ?? this.#lender.lend(peer, kind, nowMs);
  }

  answered(): void {
    this.#tell({ ok: true, status: 'OK', timed: false }, this.#lender.monotonic());
  }

  done(outcome: Outcome, nowMs: number = this.#lender.monotonic()): void {
    if (this.#returned) return;
    this.#returned = true;
    if (this.#stream) this.peer.streams--;
    else remove(this.peer, this);
    this.#tell(outcome, nowMs);
  }

  #tell(outcome: Outcome, nowMs: number): void {
    if (this.#told) return;
    this.#told = true;
    this.#lender.settle(this, outcome, nowMs);
  }
}

function append(peer: Peer<unknown>, call: Outstanding): void {
  peer.inFlight++;
  peer.pickedMs = call.startMs;
  call.older = peer.newest;
  if (peer.newest === undefined) peer.oldest = call;
  else peer.newest.newer = call;
  peer.newest = call;
}

function remove(peer: Peer<unknown>, call: Outstanding): void {
  const { older, newer } = call;
  peer.inFlight--;
  if (older === undefined) peer.oldest = newer;
  else older.newer = newer;
  if (newer === undefined) peer.newest = older;
  else newer.older = older;
  // Who keeps an old pick must not keep the neighbours of its time.
  call.older = undefined;
  call.newer = undefined;
}
