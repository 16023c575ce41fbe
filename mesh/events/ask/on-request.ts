import type { EventContext, EventHandler } from '../consume/handler.ts';
import { type Exchange, namesOf } from './exchange.ts';

/**
 * Replies to what is asked: `onRequest(preparation, async (order, { tx }) => ({ ... }))`. The reply leaves
 * through the outbox, in the handler's transaction. A handler that returns undefined does not reply: to a
 * request because it will later, with `events.reply` and the context's `asked`, to an event because it has
 * nothing to say.
 *
 * A handler that throws a refusal (NOT_FOUND, FAILED_PRECONDITION and their like, see blame.ts) has refused:
 * its transaction is rolled back, and whoever asked hears it at once. Everything else is tried again as for
 * events, and whoever asked hears of it when it has become a dead letter.
 */
export function onRequest<Q extends object, A extends object, DB>(
  exchange: Exchange<Q, A>,
  handler: (request: Q, context: EventContext<DB>) => Promise<A | undefined>,
): EventHandler<DB> {
  const { request, reply } = exchange;
  return {
    typeName: request.$type,
    exchange: namesOf(exchange),
    decode(data) {
      const message = request.decode(data);
      return async (context) => {
        const answer = await handler(message, context);
        return answer && ((send) => send(reply, answer));
      };
    },
  };
}
