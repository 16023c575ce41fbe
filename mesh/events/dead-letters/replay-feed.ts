import type { Clock } from '../../kernel/clock.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { Store } from '../../store/store.ts';
import {
  type Bus,
  type ConsumeOptions,
  type Delivery,
  defaultAckWaitMs,
  type Headers,
} from '../bus/bus.ts';
import { eventTables } from '../tables.ts';

export interface ReplayFeedOptions<DB> {
  readonly store: Store<DB>;
  readonly clock: Clock;
  readonly log: Log;
}

// A person replays, and waits for it: a second is soon, and a look into an empty index costs next to nothing.
const lookEveryMs = 1_000;
/** Most replayed events in the hands of one consumption, beside what the bus delivers. */
const mostInHand = 16;

/**
 * A bus whose consumptions are also given what was replayed to their consumer: its letters are the queue. As
 * on the bus, what is not settled within ackWaitMs comes again, here or at another instance.
 */
export function withReplays<DB>(bus: Bus, options: ReplayFeedOptions<DB>): Bus {
  return {
    ...bus,
    consume(wanted) {
      const consumption = bus.consume(wanted);
      const feed = startFeed(wanted, options);
      return {
        get state() {
          return consumption.state;
        },
        async close() {
          await Promise.all([feed.close(), consumption.close()]);
        },
      };
    },
  };
}

function startFeed<DB>(wanted: ConsumeOptions, options: ReplayFeedOptions<DB>): Closeable {
  const { clock, log } = options;
  const inHand = new Set<string>();
  let closed = false;
  let cancel = (): void => undefined;
  let looking = Promise.resolve();
  const look = async (): Promise<void> => {
    const letters = await take(wanted, options, mostInHand - inHand.size);
    for (const letter of letters) {
      inHand.add(letter.id);
      const delivery = deliver(letter, {
        wanted,
        options,
        onSettled: () => inHand.delete(letter.id),
      });
      // What came after the end goes back to whoever is next.
      if (closed) delivery.nak();
      else wanted.onDelivery(delivery);
    }
  };
  const run = (): void => {
    looking = look()
      .catch((err: unknown) => {
        log.debug('cannot look for what was replayed; later again', { err });
      })
      .finally(() => {
        if (!closed) cancel = clock.after(lookEveryMs, run);
      });
  };
  run();
  return {
    async close() {
      closed = true;
      cancel();
      await looking;
    },
  };
}

interface Letter {
  readonly id: string;
  readonly subject: string;
  readonly sequence: number;
  readonly headers: string;
  readonly payload: Uint8Array;
  readonly replays: number;
}

/** Takes what is due, so that no other instance does before ackWaitMs are over. */
async function take<DB>(
  { consumer, channel, ackWaitMs = defaultAckWaitMs }: ConsumeOptions,
  { store, clock }: ReplayFeedOptions<DB>,
  limit: number,
): Promise<readonly Letter[]> {
  const now = clock.now();
  const due = eventTables(store.db)
    .selectFrom('weft_dead_letter')
    .select('id')
    .where('again_at', '<=', now)
    .where('consumer', '=', consumer)
    .where('channel', '=', channel.name)
    .orderBy('id')
    .limit(limit);
  // Looking first costs no write.
  if (limit <= 0 || (await due.executeTakeFirst()) === undefined) return [];
  return store.transaction((tx) =>
    eventTables(tx)
      .updateTable('weft_dead_letter')
      .set({ again_at: now + ackWaitMs })
      .where('id', 'in', due)
      // Once more, for whoever waited here while another instance took it.
      .where('again_at', '<=', now)
      .returning(['id', 'subject', 'sequence', 'headers', 'payload', 'replays'])
      .execute(),
  );
}

interface Handing<DB> {
  readonly wanted: ConsumeOptions;
  readonly options: ReplayFeedOptions<DB>;
  onSettled(): void;
}

function deliver<DB>(letter: Letter, { wanted, options, onSettled }: Handing<DB>): Delivery {
  const { store, clock, log } = options;
  const { ackWaitMs = defaultAckWaitMs } = wanted;
  let settled = false;
  const again = (at: number | null): void => {
    eventTables(store.db)
      .updateTable('weft_dead_letter')
      .set({ again_at: at })
      .where('id', '=', letter.id)
      // A late word about an earlier replay says nothing about this one.
      .where('replays', '=', letter.replays)
      .where('again_at', 'is not', null)
      .execute()
      .catch((err: unknown) => {
        log.debug('a replayed event could not be settled; it comes again', { err });
      });
  };
  const settle = (at: number | null): void => {
    if (settled) return;
    settled = true;
    again(at);
    onSettled();
  };
  return {
    // What `writeDeadLetter` wrote.
    ...{ subject: letter.subject, headers: JSON.parse(letter.headers) as Headers },
    ...{ data: letter.payload, sequence: letter.sequence, deliveries: 1 },
    ack: () => {
      settle(null);
    },
    nak: (delayMs = 0) => {
      settle(Math.ceil(clock.now() + delayMs));
    },
    working: () => {
      if (!settled) again(clock.now() + ackWaitMs);
    },
  };
}
