import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import type { Store } from '../../store/store.ts';
import { createLeases, databaseTime, type Lease } from '../outbox/lease.ts';
import { eventTables } from '../tables.ts';
import { nextMove } from './shares.ts';

/** Whoever works on a place as long as this process holds it. */
export interface Holder {
  /** Ends what runs and gives back the rest; the place is given to others afterwards. */
  close(): Promise<void>;
  /** Another process has it already: whatever runs is of no use. */
  abandon(): Promise<void>;
}

/** The share of a consumer's places that falls to this process. */
export interface Assignment {
  /** The places that it holds now. */
  readonly held: readonly string[];
  /** Gives back everything and leaves. */
  close(): Promise<void>;
}

export interface AssignmentOptions<DB> {
  readonly store: Store<DB>;
  readonly consumer: string;
  readonly places: readonly string[];
  /** How long a place stays with a member that is silent, in ms. */
  readonly leaseMs: number;
  /** Begins to work on a place; what it writes must check the lease. */
  readonly onTaken: (place: string, lease: Lease) => Holder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Divides places among the processes of a consumer: each place is a lease in the database that they share, and
 * so is each member's presence. Every fifth of a lease a member says that it is there, renews what it holds,
 * and takes or gives what its share asks for. A member that dies, or sleeps, loses its places when their leases
 * are over; should it wake, its writes are refused by the token of the lease.
 */
export function createAssignment<DB>(options: AssignmentOptions<DB>): Assignment {
  return new AssignmentLoop(options);
}

interface Held {
  readonly lease: Lease;
  readonly holder: Holder;
  /** It is being given back, and held until that is done. */
  giving: Promise<void> | undefined;
}

class AssignmentLoop<DB> implements Assignment {
  readonly #held = new Map<string, Held>();
  readonly #stop = new AbortController();
  readonly #id: string;
  readonly #options: AssignmentOptions<DB>;
  readonly #leases: ReturnType<typeof createLeases>;
  readonly #done: Promise<void>;
  #presence: Lease | undefined;
  #failing = false;

  constructor(options: AssignmentOptions<DB>) {
    const { store, leaseMs, random, log } = options;
    this.#options = options;
    this.#id = random.hex(8);
    this.#leases = createLeases({ store, holder: this.#id, durationMs: leaseMs, log });
    this.#done = this.#run();
  }

  get held(): readonly string[] {
    return [...this.#held.keys()];
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await Promise.all([...this.#held.keys()].map((place) => this.#give(place)));
    await this.#presence?.release();
  }

  async #run(): Promise<void> {
    const { leaseMs, clock, random, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step();
        this.#failing = false;
      } catch (err) {
        // One line an outage. What is held stays: its leases run out by themselves, and writes check them.
        if (!this.#failing) log.warn('the places of a consumer cannot be seen to', { err });
        this.#failing = true;
      }
      const pauseMs = jitter(leaseMs / 5, 0.2, random);
      await clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
    }
  }

  async #step(): Promise<void> {
    const { places, consumer } = this.#options;
    this.#presence = await this.#renewed(`member/${consumer}/${this.#id}`, this.#presence);
    await Promise.all([...this.#held].map(([place, { lease }]) => this.#renew(place, lease)));
    const members = await this.#members();
    const staying = this.held.filter((place) => this.#held.get(place)?.giving === undefined);
    const { take, give } = nextMove({ places: places.length, members, held: staying.length });
    // Not waited for: handlers that run may take long, and the other places must be renewed meanwhile.
    for (const place of staying.slice(0, give)) void this.#give(place);
    await this.#take(take);
  }

  async #renewed(name: string, lease: Lease | undefined): Promise<Lease | undefined> {
    if (lease === undefined) return this.#leases.take(name);
    const { store } = this.#options;
    try {
      await store.grouped((tx) => lease.renew(eventTables(tx)));
      return lease;
    } catch (thrown) {
      if (MeshError.from(thrown).reason !== 'LEASE_LOST') throw thrown;
      return this.#leases.take(name);
    }
  }

  async #renew(place: string, lease: Lease): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.grouped((tx) => lease.renew(eventTables(tx)));
    } catch (thrown) {
      if (MeshError.from(thrown).reason !== 'LEASE_LOST') throw thrown;
      const held = this.#held.get(place);
      this.#held.delete(place);
      log.warn('another process has taken over a place of a consumer', { place });
      await held?.holder.abandon();
    }
  }

  /** Those who said in time that they are there; forgets who has long been silent. */
  async #members(): Promise<number> {
    const { store, consumer, leaseMs } = this.#options;
    const prefix = `member/${consumer}/`;
    const nowMs = databaseTime(store.dialect);
    const rows = await eventTables(store.db)
      .selectFrom('weft_lease')
      .select(['name', ({ eb }) => eb('expires_at', '-', nowMs).as('leftMs')])
      .where('name', '>=', prefix)
      // The next character after "/".
      .where('name', '<', `member/${consumer}0`)
      .execute();
    const gone = rows.filter(({ leftMs }) => leftMs < -12 * leaseMs).map(({ name }) => name);
    if (gone.length > 0) {
      await eventTables(store.db).deleteFrom('weft_lease').where('name', 'in', gone).execute();
    }
    return rows.filter(({ leftMs }) => leftMs > 0).length;
  }

  async #take(count: number): Promise<void> {
    const { places, consumer, onTaken, log } = this.#options;
    // Everybody begins at another place, so that members that start together seldom want the same one.
    const from = Number.parseInt(this.#id.slice(0, 8), 16) % Math.max(1, places.length);
    const wanted = [...places.slice(from), ...places.slice(0, from)];
    let left = count;
    for (const place of wanted) {
      if (left === 0 || this.#stop.signal.aborted) return;
      if (this.#held.has(place)) continue;
      const lease = await this.#leases.take(`consume/${consumer}/${place}`);
      if (lease === undefined) continue;
      log.info('a place of a consumer was taken', { place, token: lease.token });
      this.#held.set(place, { lease, holder: onTaken(place, lease), giving: undefined });
      left--;
    }
  }

  async #give(place: string): Promise<void> {
    const held = this.#held.get(place);
    if (held === undefined) return;
    held.giving ??= this.#end(place, held);
    await held.giving;
  }

  async #end(place: string, { holder, lease }: Held): Promise<void> {
    await holder.close();
    await lease.release();
    this.#held.delete(place);
  }
}
