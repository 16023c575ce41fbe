import { replyChannel, replyFilter } from '../bus/subject.ts';
import type { EventHandler } from '../consume/handler.ts';
import { type ConsumerTuning, openConsumer, type SubscribeParts } from '../consume/subscribe.ts';
import type { Subscription } from '../consume/subscription.ts';
import type { Asks } from './asks.ts';
import { watchTimeouts } from './timeouts.ts';

// How long a question outlives its time at most, in ms: as a relay's look into the outbox.
const timeoutPollMs = 500;

/**
 * Takes what comes back to a service, and ends what nothing came back to in time: one consumer for all its
 * questions, named for the service.
 */
export function listenForReplies<DB>(
  parts: SubscribeParts<DB>,
  tuning: ConsumerTuning,
  { asks, taker }: { asks: Asks<DB>; taker: EventHandler<DB> },
): Subscription {
  const { source } = parts;
  const { subscription, consume } = openConsumer(
    parts,
    { ...tuning, from: 'start' },
    {
      consumer: `replies-${source}`,
      // Whatever its type: which question it answers decides who handles it.
      handlers: { has: () => true, get: () => taker },
      remembers: true,
      places: undefined,
      channels: new Map([
        [replyChannel, { channel: { name: replyChannel }, subjects: [replyFilter(source)] }],
      ]),
    },
  );
  const timeouts = watchTimeouts({ ...parts, asks, consume, pollMs: timeoutPollMs });
  return {
    consumer: subscription.consumer,
    get state() {
      return subscription.state;
    },
    parked: () => subscription.parked(),
    async close() {
      await Promise.all([timeouts.close(), subscription.close()]);
    },
  };
}
