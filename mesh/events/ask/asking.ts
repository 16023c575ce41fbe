import { currentContext } from '../../kernel/context.ts';
import { deadlineIn, earlier, remainingMs } from '../../kernel/deadline.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Transaction } from '../../store/sql.ts';
import type { ConsumerTuning, SubscribeParts } from '../consume/subscribe.ts';
import type { Subscription } from '../consume/subscription.ts';
import { type AskOptions, createOpener, type GatherOptions } from './ask.ts';
import { createAsks } from './asks.ts';
import { checkExchange, type Exchange, namesOf } from './exchange.ts';
import { listenForReplies } from './listen.ts';
import type { ReplyHandler } from './on-reply.ts';
import { readAnswer, timedOut } from './outcome.ts';
import { takeReplies } from './replies.ts';
import { type Asked, writeReply } from './reply.ts';
import { createWaiting } from './waiting.ts';

export interface RequestOptions extends AskOptions {
  /** Gives up the wait; the request may be done all the same. */
  readonly signal?: AbortSignal;
}

/** Asking other services through the outbox, and hearing what they answer. */
export interface Asking<DB> {
  /**
   * Asks the owner of a command, if and only if `tx` commits; resolves with the id of the question. What
   * becomes of it (`Outcome`) is handled by the `onReply` of this service, once, also after a restart.
   * INVALID_ARGUMENT: NOT_AN_EXCHANGE, INVALID_TIMEOUT, and as `publish`.
   */
  ask<Q extends object, A extends object>(
    tx: Transaction<DB>,
    exchange: Exchange<Q, A>,
    message: Q,
    options: AskOptions,
  ): Promise<string>;
  /** Asks everybody who hears an event; handled by the `onAnswers` of this service. Else as `ask`. */
  gather<Q extends object, A extends object>(
    tx: Transaction<DB>,
    exchange: Exchange<Q, A>,
    message: Q,
    options: GatherOptions,
  ): Promise<string>;
  /**
   * As `ask` in a transaction of its own, and waits for the reply; for callers that stay. The deadline and
   * the signal of the current context hold too. Throws what the replier refused with, DEADLINE_EXCEEDED /
   * ASK_TIMEOUT, CANCELLED; inside a transaction FAILED_PRECONDITION / NESTED_TRANSACTION.
   */
  request<Q extends object, A extends object>(
    exchange: Exchange<Q, A>,
    message: Q,
    options: RequestOptions,
  ): Promise<A>;
  /** Replies to what an `onRequest` left open; `asked` is that of its context. */
  reply<Q extends object, A extends object>(
    tx: Transaction<DB>,
    asked: Asked,
    exchange: Exchange<Q, A>,
    message: A,
  ): Promise<string>;
}

export interface Replies<DB> extends Asking<DB>, Closeable {
  /** Begins to take what comes back, with these handlers and those before. */
  listen(handlers: readonly ReplyHandler<DB>[], tuning?: ConsumerTuning): Subscription;
}

// Somebody waits: a tenth of a second more is what another instance's answer costs.
const answerPollMs = 100;

export function createAsking<DB>(parts: SubscribeParts<DB>): Replies<DB> {
  const { image, store, write, clock } = parts;
  const asks = createAsks(store, clock);
  const open = createOpener({ ...parts, asks });
  const waiting = createWaiting({ asks, pollMs: answerPollMs, clock });
  const handlers = new Map<string, ReplyHandler<DB>>();
  let listening: Subscription | undefined;

  const listen: Replies<DB>['listen'] = (more, tuning = {}) => {
    for (const handler of more) {
      checkExchange(image, handler.exchange);
      handlers.set(handler.exchange.request, handler);
    }
    const onEnd = (askId: string): void => waiting.ended(askId);
    const taker = takeReplies({ asks, store, handlers, onEnd });
    listening ??= listenForReplies(parts, tuning, { asks, taker });
    return listening;
  };

  return {
    ask: (tx, exchange, message, { timeoutMs }) =>
      open(tx, exchange, message, { timeoutMs, kind: 'command', wanted: 1, awaited: false }),
    gather: (tx, exchange, message, { timeoutMs, wanted = 0 }) =>
      open(tx, exchange, message, { timeoutMs, kind: 'event', wanted, awaited: false }),
    async request(exchange, message, options) {
      listen([]);
      const context = currentContext();
      const own = deadlineIn(options.timeoutMs, clock);
      const timeoutMs = remainingMs(earlier(own, context.deadline) ?? own, clock);
      const question = { timeoutMs, kind: 'command', wanted: 1, awaited: true } as const;
      const id = await store.transaction((tx) => open(tx, exchange, message, question));
      const over = new AbortController();
      const cancel = clock.after(timeoutMs, () => {
        over.abort(timedOut(exchange.request.$type));
      });
      const signals = [over.signal, options.signal, context.signal].filter(
        (it) => it !== undefined,
      );
      try {
        await waiting.until(id, AbortSignal.any(signals));
      } catch (thrown) {
        // Whoever is first ends it: an answer that came at this moment is an answer.
        if (await store.transaction((tx) => asks.close(tx, id))) throw thrown;
      } finally {
        cancel();
      }
      const [first] = await asks.answers(store.db, id);
      // Ended by a process that knew that its time was over before this one did.
      if (first === undefined) throw timedOut(exchange.request.$type);
      const answer = readAnswer(exchange.reply, first);
      if (answer.kind === 'failure') throw answer.error;
      return answer.reply;
    },
    async reply(tx, asked, exchange, message) {
      checkExchange(image, namesOf(exchange));
      return writeReply(write, tx, asked, [exchange.reply, message]);
    },
    listen,
    async close() {
      await listening?.close();
    },
  };
}
