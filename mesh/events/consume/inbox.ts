import type { Clock } from '../../kernel/clock.ts';
import { prepare } from '../../store/prepared.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { Failure, FailureHistory } from '../dead-letters/failure.ts';
import { eventTables } from '../tables.ts';
import type { Incoming } from './consume.ts';
import { countFailure, forgetFailures } from './failures.ts';
import { unpark } from './parked.ts';

/** The event that something is noted for. */
export type Noted = Pick<Incoming, 'id' | 'parked' | 'fence'>;

/** What is written with the count of a failure, in its transaction. */
export interface AfterFailure<DB> {
  /** It is to be tried again. */
  again(tx: Transaction<DB>, history: FailureHistory): Promise<void>;
  /** The consumer is done with it, and has not handled it meanwhile. */
  giveUp(tx: Transaction<DB>, history: FailureHistory): Promise<void>;
}

/** What one consumer is done with, and what it failed at. */
export interface Inbox<DB> {
  /**
   * Runs `effect` unless the event was handled before, in one transaction with the note that it is handled
   * now: whatever is delivered twice, also to two processes at the same moment, has one effect.
   */
  once(
    event: Noted,
    effect: (tx: Transaction<DB>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<'done' | 'duplicate'>;
  /** Notes that an event came too late to be handled, unless it was handled before. */
  expired(event: Noted, signal: AbortSignal): Promise<'expired' | 'duplicate'>;
  /**
   * Counts a failure of an event and keeps what it was. At the `limit`-th one the consumer is done with it:
   * `giveUp` runs in the same transaction, so that an event is never both given up and handled again.
   */
  failed(
    event: Noted,
    failed: { readonly failure: Failure; readonly limit: number },
    after: AfterFailure<DB>,
  ): Promise<number>;
  /** Ends the waiting of an event for which nothing is noted. */
  end(event: Noted): Promise<void>;
}

type Outcome = 'done' | 'dead' | 'expired';

export function createInbox<DB>(store: Store<DB>, consumer: string, clock: Clock): Inbox<DB> {
  const insert = prepare(
    eventTables(store.db),
    (db, it: { event_id: string; outcome: Outcome; handled_at: number }) =>
      db
        .insertInto('weft_inbox')
        .values({
          ...{ consumer, event_id: it.event_id },
          ...{ outcome: it.outcome, handled_at: it.handled_at },
        })
        .onConflict((conflict) => conflict.doNothing()),
  );
  /** False when it was noted before. */
  const note = async (tx: Transaction<DB>, event: Noted, outcome: Outcome): Promise<boolean> => {
    const db = eventTables(tx);
    await event.fence?.check(db);
    const row = { event_id: event.id, outcome, handled_at: clock.now() };
    const { touched } = await insert(db, row);
    return touched === 1;
  };
  const end = async (tx: Transaction<DB>, event: Noted): Promise<void> => {
    if (event.parked) await unpark(tx, { consumer, eventId: event.id });
  };
  return {
    once: (event, effect, signal) =>
      store.grouped(async (tx) => {
        // First, so that a second delivery at the same moment waits here for the first one's commit.
        const isNew = await note(tx, event, 'done');
        if (isNew) await effect(tx);
        await end(tx, event);
        return isNew ? 'done' : 'duplicate';
      }, signal),
    expired: (event, signal) =>
      store.grouped(async (tx) => {
        const isNew = await note(tx, event, 'expired');
        await end(tx, event);
        return isNew ? 'expired' : 'duplicate';
      }, signal),
    failed: (event, { failure, limit }, after) =>
      store.transaction(async (tx) => {
        await event.fence?.check(eventTables(tx));
        const history = await countFailure(tx, { consumer, eventId: event.id, failure });
        if (history.failures < limit) {
          await after.again(tx, history);
          return history.failures;
        }
        await end(tx, event);
        // Handled meanwhile by another delivery of it: then it is no dead letter.
        if (await note(tx, event, 'dead')) await after.giveUp(tx, history);
        await forgetFailures(tx, { consumer, eventId: event.id });
        return history.failures;
      }),
    async end(event) {
      if (event.parked) await store.grouped((tx) => end(tx, event));
    },
  };
}
