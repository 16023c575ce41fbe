import { type Bell, createBell } from '../../kernel/bell.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import type { Lease, Leases } from './lease.ts';
import type { Round } from './relay-round.ts';

/** What a relay is at. */
export type RelayState =
  /** Not started, or closed. */
  | { readonly kind: 'stopped' }
  /** Another process relays this outbox. */
  | { readonly kind: 'standby' }
  /** This process does. */
  | { readonly kind: 'relaying'; readonly token: number }
  /** Something is away (bus, database); the rows wait. */
  | { readonly kind: 'waiting'; readonly error: MeshError };

/** Brings what the outbox holds to the bus. Of several relays on one outbox one works, the others stand by. */
export interface Relay {
  readonly state: RelayState;
  start(): void;
  /** There is something new; else the relay looks every `pollMs`. */
  wake(): void;
  /** Sends what is there, for at most `flushMs`, then stops and lets go of the lease. */
  close(flushMs: number): Promise<void>;
}

export interface RelayOptions {
  readonly round: Round;
  readonly leases: Leases;
  /** The longest that a row of another process waits to be seen, in ms. */
  readonly pollMs: number;
  /** How often a relay on standby asks for the lease, in ms. */
  readonly standbyMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const outage: RetryDelay = { firstMs: 100, longestMs: 2_000 };

export function createRelay(options: RelayOptions): Relay {
  return new RelayMachine(options);
}

class RelayMachine implements Relay {
  #state: RelayState = { kind: 'stopped' };
  #lease: Lease | undefined;
  #failures = 0;
  #closing = false;
  /** Rung since the last look: the bell itself remembers nothing. */
  #rung = false;
  #done: Promise<void> | undefined;
  readonly #stop = new AbortController();
  readonly #bell: Bell;
  readonly #options: RelayOptions;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#bell = createBell(options.clock);
  }

  get state(): RelayState {
    return this.#state;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  wake(): void {
    this.#rung = true;
    this.#bell.ring();
  }

  async close(flushMs: number): Promise<void> {
    this.#closing = true;
    this.wake();
    const stop = (): void => {
      this.#stop.abort();
    };
    // Whoever holds the lease sends our rows too: on standby there is nothing to flush.
    if (this.#state.kind === 'standby') stop();
    const cancel = this.#options.clock.after(flushMs, stop);
    await this.#done;
    cancel();
    stop();
  }

  async #run(): Promise<void> {
    for (let more = true; more && !this.#stop.signal.aborted; ) {
      try {
        more = await this.#turn();
      } catch (thrown) {
        await this.#failed(MeshError.from(thrown));
      }
    }
    await this.#options.round.rest();
    await this.#lease?.release();
    this.#state = { kind: 'stopped' };
  }

  /** One turn; false when all is sent and the relay is closing. */
  async #turn(): Promise<boolean> {
    const { leases, round, standbyMs, pollMs, random } = this.#options;
    this.#lease ??= await leases.take('relay');
    if (this.#lease === undefined) {
      this.#state = { kind: 'standby' };
      await this.#pause(jitter(standbyMs, 0.2, random));
      return !this.#closing;
    }
    // Read before the look: what was written until `close` was called is seen by it.
    const last = this.#closing;
    this.#rung = false;
    const more = await round.turn(this.#lease, this.#stop.signal);
    this.#relaying(this.#lease);
    if (more) return true;
    if (!last) await this.#listen(pollMs);
    return !last;
  }

  #relaying(lease: Lease): void {
    if (this.#state.kind === 'waiting') {
      this.#options.log.info('the relay works again', { failures: this.#failures });
    }
    this.#failures = 0;
    this.#state = { kind: 'relaying', token: lease.token };
  }

  async #failed(error: MeshError): Promise<void> {
    if (error.reason === 'LEASE_LOST') {
      this.#lease = undefined;
      await this.#options.round.rest();
      return;
    }
    const { log, random } = this.#options;
    // One line an outage, not one a try.
    if (this.#state.kind !== 'waiting') {
      log.warn('the relay waits; events stay in the outbox', { err: error });
    }
    this.#state = { kind: 'waiting', error };
    this.#failures++;
    await this.#pause(retryDelayMs(this.#failures, outage, random));
  }

  async #listen(withinMs: number): Promise<void> {
    if (!this.#rung) await this.#bell.heard({ withinMs, signal: this.#stop.signal });
  }

  async #pause(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stop.signal).catch(() => undefined);
  }
}
