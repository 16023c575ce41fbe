import type { Replies } from './ask/asking.ts';
import type { ReplyHandler } from './ask/on-reply.ts';
import type { EventHandler, RepeatableHandler } from './consume/handler.ts';
import { type ConsumerTuning, openSubscription, type SubscribeParts } from './consume/subscribe.ts';
import type { Subscription } from './consume/subscription.ts';

export type SubscribeOptions<DB> = ConsumerOptions & HandlerOptions<DB>;

/** A consumer, whatever it handles. */
export interface ConsumerOptions extends ConsumerTuning {
  /**
   * The durable name, as "warehouse": instances that use the same one share the events. One token
   * (kernel/names.ts).
   */
  readonly consumer: string;
}

/** What is done with what is heard. */
export type HandlerOptions<DB> =
  | {
      /** Each event has its effect once: what was handled is remembered, in the handler's transaction. Default. */
      readonly inbox?: true;
      /** Made by `on`, `onRequest`, `onReply` and `onAnswers`; no two for one type. */
      readonly handlers: readonly (EventHandler<DB> | ReplyHandler<DB>)[];
    }
  | {
      /** Nothing is remembered and there is no transaction: an event may be handled again. */
      readonly inbox: false;
      /** Made by `onRepeatable`; no two for one type. */
      readonly handlers: readonly RepeatableHandler[];
    };

/** Hears what comes to a service: what others say, and what they answer to its own questions. */
export function subscribe<DB>(
  parts: SubscribeParts<DB>,
  replies: Pick<Replies<DB>, 'listen'>,
  options: SubscribeOptions<DB>,
): Subscription {
  if (options.inbox === false) return openSubscription(parts, options);
  const { consumer, handlers, ...tuning } = options;
  const answers = handlers.filter(isReplyHandler);
  const others = handlers.filter(
    (handler): handler is EventHandler<DB> => !isReplyHandler(handler),
  );
  if (answers.length === 0)
    return openSubscription(parts, { consumer, handlers: others, ...tuning });
  const heard = replies.listen(answers, tuning);
  if (others.length === 0) return heard;
  return both(openSubscription(parts, { consumer, handlers: others, ...tuning }), heard);
}

function isReplyHandler<DB>(
  handler: EventHandler<DB> | ReplyHandler<DB>,
): handler is ReplyHandler<DB> {
  return 'handle' in handler;
}

function both(one: Subscription, other: Subscription): Subscription {
  return {
    consumer: one.consumer,
    get state() {
      return one.state === 'consuming' ? other.state : one.state;
    },
    async parked() {
      return (await one.parked()) + (await other.parked());
    },
    async close() {
      await Promise.all([one.close(), other.close()]);
    },
  };
}
