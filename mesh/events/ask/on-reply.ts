import type { EventContext } from '../consume/handler.ts';
import type { Ask, StoredAnswer } from './asks.ts';
import { type Exchange, type ExchangeNames, namesOf } from './exchange.ts';
import { type Answer, decodeStored, type Outcome, readAnswer, timedOut } from './outcome.ts';

/** What the handler of a reply is told beside it. */
export interface ReplyContext<DB, Q> extends EventContext<DB> {
  /** What was asked. */
  readonly request: Q;
  /** As `ask` or `gather` gave it. */
  readonly askId: string;
}

/** What became of what one has asked for; made by `onReply` and `onAnswers`. */
export interface ReplyHandler<DB> {
  readonly exchange: ExchangeNames;
  /** Whether these answers end the question before its time. */
  isEnough(ask: Ask, answers: readonly StoredAnswer[]): boolean;
  /** In the transaction that ends the question. */
  handle(ask: Ask, answers: readonly StoredAnswer[], context: EventContext<DB>): Promise<void>;
}

/**
 * Handles what becomes of a request, in the transaction that ends it: `onReply(preparation, async (outcome,
 * { request, tx }) => ...)`. It is called once for each `ask` that committed, also when the process that
 * asked has been restarted since, with a reply, a failure or a timeout. When it throws it has done nothing,
 * and is called again as the handler of an event would be.
 */
export function onReply<Q extends object, A extends object, DB>(
  exchange: Exchange<Q, A>,
  handler: (outcome: Outcome<A>, context: ReplyContext<DB, Q>) => Promise<void>,
): ReplyHandler<DB> {
  return {
    exchange: namesOf(exchange),
    isEnough: () => true,
    handle(ask, [first], context) {
      const outcome: Outcome<A> =
        first === undefined
          ? { kind: 'timeout', error: timedOut(ask.requestType) }
          : readAnswer(exchange.reply, first);
      return handler(outcome, contextOf(exchange, ask, context));
    },
  };
}

/**
 * Handles the answers to an event, in the transaction that ends the gathering: when as many have come as were
 * wanted, when `isEnough` says so, or when the time is over; then with those that came, none included. Else
 * as `onReply`.
 */
export function onAnswers<Q extends object, A extends object, DB>(
  exchange: Exchange<Q, A>,
  handler: (answers: readonly Answer<A>[], context: ReplyContext<DB, Q>) => Promise<void>,
  isEnough: (answers: readonly Answer<A>[]) => boolean = () => false,
): ReplyHandler<DB> {
  const read = (answers: readonly StoredAnswer[]): Answer<A>[] =>
    answers.map((answer) => readAnswer(exchange.reply, answer));
  return {
    exchange: namesOf(exchange),
    isEnough: ({ wanted }, answers) =>
      (wanted > 0 && answers.length >= wanted) || isEnough(read(answers)),
    handle: (ask, answers, context) => handler(read(answers), contextOf(exchange, ask, context)),
  };
}

function contextOf<Q extends object, A extends object, DB>(
  { request }: Exchange<Q, A>,
  ask: Ask,
  context: EventContext<DB>,
): ReplyContext<DB, Q> {
  return { ...context, request: decodeStored(request, ask.request), askId: ask.id };
}
