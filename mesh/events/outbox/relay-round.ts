import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Store } from '../../store/store.ts';
import type { Bus } from '../bus/bus.ts';
import { eventTables } from '../tables.ts';
import { createChannelMemory } from './channel-memory.ts';
import { createFlight } from './flight.ts';
import type { Lease } from './lease.ts';
import type { Outbox } from './outbox.ts';
import { forgetOld, type Retention } from './retention.ts';
import type { Source } from './source.ts';
import { createVerification } from './verification.ts';

export interface RoundOptions<DB> {
  readonly store: Store<DB>;
  readonly outbox: Outbox<DB>;
  readonly source: Source;
  readonly bus: Bus;
  /** How long the lease lasts without renewal, in ms. */
  readonly leaseMs: number;
  readonly retention: Retention;
  /** Most messages read, sent and marked together. */
  readonly batch: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Messages that a channel had stored and no longer holds are unsent again. */
  readonly onMissing: (messages: number) => void;
}

/** The work of a relay that holds the lease. */
export interface Round {
  /**
   * Reads what is due and sends it, while what was read before is still on its way; gives false when there is
   * nothing and all has landed. Then it renews the lease and deletes what is old. Throws what the relay should
   * wait for, UNAVAILABLE of bus or database, with nothing on its way any more and all marked that was stored.
   */
  turn(lease: Lease, signal: AbortSignal): Promise<boolean>;
  /** Resolves when nothing is on its way, and lets go of what the source holds; never rejects. */
  rest(): Promise<void>;
}

const cleaningMs = 60_000;

export function createRound<DB>(options: RoundOptions<DB>): Round {
  const { store, outbox, source, bus, leaseMs, retention, batch, clock, log, onMissing } = options;
  const memory = createChannelMemory({ store, bus, log });
  const verification = createVerification({ bus, memory, clock, onMissing });
  const onRegress = (): void => {
    verification.suspect();
  };
  const flight = createFlight({ outbox, source, bus, log, onRegress });
  let renewedAt = clock.monotonic();
  let cleanAt = clock.monotonic();
  const idle = async (lease: Lease): Promise<void> => {
    if (clock.monotonic() - renewedAt > leaseMs / 3) {
      await store.transaction((tx) => lease.renew(eventTables(tx)));
      renewedAt = clock.monotonic();
    }
    if (clock.monotonic() >= cleanAt) {
      const more = await forgetOld(store, retention, clock);
      cleanAt = clock.monotonic() + (more ? 0 : cleaningMs);
    }
  };
  const turn: Round['turn'] = async (lease, signal) => {
    await flight.room();
    if (verification.due) {
      await flight.empty();
      if ((await verification.all(lease, signal)) > 0) source.doubt();
    }
    const messages = await flight.read(batch);
    if (messages.length === 0) {
      const landing = flight.size > 0;
      await flight.empty();
      if (!landing) await idle(lease);
      return landing;
    }
    const names = new Set(messages.map(({ channel }) => channel));
    const { broken, missing } = await verification.channels(lease, names, signal);
    // What is sent again comes before what was read: it is older.
    if (missing > 0) {
      source.doubt();
      return true;
    }
    const launch = { messages, broken, epoch: verification.epoch, signal };
    if (!flight.launch(lease, launch)) await flight.empty();
    renewedAt = clock.monotonic();
    return true;
  };
  return {
    async turn(lease, signal) {
      try {
        return await turn(lease, signal);
      } catch (thrown) {
        await flight.abandon();
        source.doubt();
        throw thrown;
      }
    },
    async rest() {
      await flight.abandon();
      await source.close();
    },
  };
}
