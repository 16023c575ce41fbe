import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import { refuse } from '../ask/reply.ts';
import { writeDeadLetter } from '../dead-letters/dead-letter.ts';
import { failureOf } from '../dead-letters/failure.ts';
import type { Write } from '../outbox/write.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { blame, remedy } from './blame.ts';
import type { ConsumeLayer, Incoming, Verdict } from './consume.ts';
import type { Handlers } from './handler.ts';
import type { Inbox } from './inbox.ts';
import { never, park } from './parked.ts';
import { replies } from './replies.ts';

/** What becomes of an event that failed for the last time, and of its key. */
export type OnDead = 'go-on' | 'park-key';

export interface CountedParts<DB> {
  readonly consumer: string;
  readonly handlers: Handlers<DB>;
  readonly inbox: Pick<Inbox<DB>, 'failed'>;
  readonly write: Write<DB>;
  readonly maxDeliveries: number;
  readonly retry: RetryDelay;
  /** Undefined: the consumer keeps no order, so no key can be stopped. */
  readonly onDead: OnDead | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * The longest wait for which the bus keeps a message, in ms. What it holds back counts against the most that
 * a consumer may have in hand (max_ack_pending), so a few poisoned events with long waits would stop all
 * others; what waits longer waits in the database.
 */
const longestNakMs = 1_000;

/** Counts what a message is to blame for; tries again a few times, then makes it a dead letter. */
export function counted<DB>(parts: CountedParts<DB>): ConsumeLayer {
  return (next) => async (incoming) => {
    try {
      return await next(incoming);
    } catch (thrown) {
      if (incoming.signal.aborted || blame(thrown) !== 'message') throw thrown;
      return count(parts, incoming, thrown);
    }
  };
}

async function count<DB>(
  parts: CountedParts<DB>,
  incoming: Incoming,
  thrown: unknown,
): Promise<Verdict> {
  const { consumer, inbox, write, clock, random, log } = parts;
  const { id: eventId, delivery, envelope } = incoming;
  const error = MeshError.from(thrown);
  const cure = remedy(error);
  const limit = cure === 'again' ? parts.maxDeliveries : 1;
  const stops = parts.onDead === 'park-key' || (parts.onDead && cure === 'park-key') === true;
  const atMs = clock.now();
  const failure = failureOf(thrown, { atMs, delivery: delivery.deliveries });
  const waiting = { consumer, eventId, key: envelope?.key ?? '', message: delivery };
  const then = { delayMs: 0, parked: false };
  const failures = await inbox.failed(
    incoming,
    { failure, limit },
    {
      async again(tx, history) {
        then.delayMs = retryDelayMs(history.failures, parts.retry, random);
        then.parked = incoming.parked || then.delayMs > longestNakMs;
        if (then.parked) await park(tx, { ...waiting, notBeforeMs: atMs + then.delayMs });
      },
      async giveUp(tx, history) {
        await writeDeadLetter(tx, { consumer, eventId, delivery, history, atMs }, random);
        then.parked = stops;
        if (replies(parts, incoming)) await refuse(write, tx, incoming, error);
        if (stops) await park(tx, { ...waiting, notBeforeMs: never });
      },
    },
  );
  const { delayMs, parked } = then;
  if (failures < limit) {
    const facts = { id: eventId, failures, delayMs: Math.round(delayMs), err: thrown };
    log.warn('a handler failed; the event comes again', facts);
    return parked ? { kind: 'parked', error, stopped: false } : { kind: 'nak', delayMs, error };
  }
  log.error('an event became a dead letter', { id: eventId, failures, err: thrown });
  return parked ? { kind: 'parked', error, stopped: true } : { kind: 'ack', outcome: 'dead' };
}
