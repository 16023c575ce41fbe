import { status as codes } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import type { Borrowed, PlainConnection } from '../plain/connection.ts';
import type { PlainTransport } from '../plain/transport.ts';
import { ClientLane, type LaneEnd } from './client-lane.ts';
import type { LaneStats } from './stats.ts';

export interface LanesOptions {
  readonly clock: Clock;
  readonly plain: PlainTransport;
  readonly maxMessageBytes: number;
  /** Most lanes to the endpoint; the second and later ones have connections of their own. */
  readonly maxLanes: number;
  readonly welcomeTimeoutMs: number;
}

/** The lanes to one endpoint. */
export interface Lanes {
  /** A lane that takes a call now; opens one, or one more, where that is of use. */
  pick(): ClientLane | undefined;
  /** True if there are lanes, but none with room. */
  readonly busy: boolean;
  /** Resolves when every call on them has ended. */
  close(): Promise<void>;
  stats(): Pick<LaneStats, 'lanes' | 'writes' | 'written'>;
}

/** The pause after a lane that could not be opened, in ms; doubled each time. */
const firstPauseMs = 100;
const longestPauseMs = 10_000;

/** A lane with the connection that it travels on; the first one shares that of the plain calls. */
interface Opened {
  readonly lane: ClientLane;
  readonly own: PlainConnection | undefined;
  readonly channel: Borrowed;
  readonly over: () => void;
}

/**
 * One lane, filled before there is a second: calls that share a message are what makes a lane cheap. Two on
 * one connection were three times as dear; the second has a connection of its own, and is opened when the
 * first one has little room left.
 */
export function createLanes(
  endpoint: Endpoint,
  shared: PlainConnection,
  options: LanesOptions,
): Lanes {
  return new LanesOfEndpoint(endpoint, shared, options);
}

class LanesOfEndpoint implements Lanes {
  readonly #endpoint: Endpoint;
  readonly #shared: PlainConnection;
  readonly #options: LanesOptions;
  readonly #opened: Opened[] = [];
  readonly #written = { writes: 0, calls: 0 };
  readonly #ended = new Set<Promise<void>>();
  #pauseMs = firstPauseMs;
  #notBefore = Number.NEGATIVE_INFINITY;
  #closing = false;

  constructor(endpoint: Endpoint, shared: PlainConnection, options: LanesOptions) {
    this.#endpoint = endpoint;
    this.#shared = shared;
    this.#options = options;
    // Those that are open carry what they have to its end, and the next call opens one over the new connection.
    shared.onRenewed(() => {
      for (const { lane } of [...this.#opened]) lane.close();
    });
  }

  get busy(): boolean {
    return this.#opened.some(({ lane }) => lane.open);
  }

  pick(): ClientLane | undefined {
    const first = this.#opened[0]?.lane;
    return first?.hasRoom === true && !first.crowded ? first : this.#pickAmong();
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const { lane } of [...this.#opened]) lane.close();
    await Promise.all(this.#ended);
  }

  stats(): Pick<LaneStats, 'lanes' | 'writes' | 'written'> {
    return {
      lanes: this.#opened.filter(({ lane }) => lane.open).length,
      writes: this.#written.writes,
      written: this.#written.calls,
    };
  }

  /** Off the common path: the first lane is not there, or has little room. */
  #pickAmong(): ClientLane | undefined {
    const withRoom = this.#opened.filter(({ lane }) => lane.hasRoom);
    const [found = withRoom[0]] = withRoom.filter(({ lane }) => !lane.crowded);
    // One at a time: the next is not asked for before the last one has been welcomed.
    const another = found === undefined || found.lane.crowded;
    if (another && !this.#opened.some(({ lane }) => lane.greeting)) this.#open();
    return found?.lane;
  }

  #open(): void {
    const { clock, maxLanes, plain, maxMessageBytes, welcomeTimeoutMs } = this.#options;
    if (this.#closing || this.#opened.length >= maxLanes) return;
    if (clock.monotonic() < this.#notBefore) return;
    const own = this.#opened.length === 0 ? undefined : plain.open(this.#endpoint, { own: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    const borrowed = (own ?? this.#shared).borrow();
    const lane = new ClientLane({
      channel: borrowed.channel,
      ...{ clock, maxMessageBytes, welcomeTimeoutMs },
      written: this.#written,
      onEnd: (ended, end) => {
        this.#onEnd(ended, end);
      },
    });
    this.#opened.push({ lane, own, channel: borrowed, over: resolve });
    this.#ended.add(promise);
    void promise.then(() => this.#ended.delete(promise));
  }

  #onEnd(lane: ClientLane, { welcomed, status }: LaneEnd): void {
    const at = this.#opened.findIndex((each) => each.lane === lane);
    const [gone] = at < 0 ? [] : this.#opened.splice(at, 1);
    if (gone !== undefined) {
      gone.channel.back();
      if (gone.own === undefined) gone.over();
      else void gone.own.close().then(gone.over);
    }
    // A peer that does not know lanes will not learn of them; one that comes back has another id.
    if (status.code === codes.UNIMPLEMENTED) this.#notBefore = Number.POSITIVE_INFINITY;
    else this.#notBefore = this.#options.clock.monotonic() + this.#pauseMs;
    this.#pauseMs = welcomed ? firstPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
  }
}
