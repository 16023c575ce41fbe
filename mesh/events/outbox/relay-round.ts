import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { Store } from '../../store/store.ts';
import type { Bus, PublishOutcome } from '../bus/bus.ts';
import { eventTables } from '../tables.ts';
import type { Lease } from './lease.ts';
import type { Outbox, OutboxMessage } from './outbox.ts';
import { forgetOld, type Retention } from './retention.ts';

export interface RoundOptions<DB> {
  readonly store: Store<DB>;
  readonly outbox: Outbox<DB>;
  readonly bus: Bus;
  /** How long the lease lasts without renewal, in ms. */
  readonly leaseMs: number;
  readonly retention: Retention;
  /** Most messages read, sent and marked together. */
  readonly batch: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One look of the relay into the outbox: reads what is due, sends it, marks it; gives how many messages
 * there were. With none, renews the lease and deletes what is old. Throws what the relay should wait for:
 * UNAVAILABLE of bus or database, with everything marked that was stored.
 */
export type Round = (lease: Lease, signal: AbortSignal) => Promise<number>;

const cleaningMs = 60_000;

export function createRound<DB>(options: RoundOptions<DB>): Round {
  const { store, outbox, bus, leaseMs, retention, batch, clock, log } = options;
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
  return async (lease, signal) => {
    const messages = await outbox.due(batch);
    if (messages.length === 0) {
      await idle(lease);
      return 0;
    }
    const outcomes = await send(bus, messages, signal);
    await outbox.settle(lease, messages, outcomes);
    renewedAt = clock.monotonic();
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.stored) continue;
      if (outcome.error.status === 'UNAVAILABLE') throw outcome.error;
      log.error('the bus refuses an event', { id: messages[i]?.id, err: outcome.error });
    }
    return messages.length;
  };
}

/** Sends to channels that exist; a channel that cannot be made fails its own messages only. */
async function send(
  bus: Bus,
  messages: readonly OutboxMessage[],
  signal: AbortSignal,
): Promise<readonly PublishOutcome[]> {
  const broken = new Map<string, MeshError>();
  for (const name of new Set(messages.map(({ channel }) => channel))) {
    try {
      await bus.ensureChannel({ name }, signal);
    } catch (thrown) {
      const error = MeshError.from(thrown);
      if (error.status === 'UNAVAILABLE' || signal.aborted) throw error;
      broken.set(name, error);
    }
  }
  if (broken.size === 0) return bus.publish(messages, signal);
  const good = messages.filter(({ channel }) => !broken.has(channel));
  const outcomes = (await bus.publish(good, signal))[Symbol.iterator]();
  return messages.map(({ channel }): PublishOutcome => {
    const error = broken.get(channel);
    if (error !== undefined) return { stored: false, error };
    const next = outcomes.next();
    if (next.done !== true) return next.value;
    throw new Error('the bus gave fewer outcomes than it was given messages');
  });
}
