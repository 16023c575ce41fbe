import type { Baggage } from '../../kernel/baggage.ts';
import type { TraceContext } from '../../kernel/context.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Transaction } from '../../store/sql.ts';
import type { ExchangeNames } from '../ask/exchange.ts';
import type { Asked } from '../ask/reply.ts';

/** What a handler is told beside the event. */
export interface EventFacts {
  /** Unique among the events of its source; the same on every delivery. */
  readonly id: string;
  /** The full name of its type. */
  readonly type: string;
  /** Who waits for a reply to it, if anybody does: what `events.reply` needs. */
  readonly asked: Asked | undefined;
  /** The conversation that it belongs to: the id of the message that began it. */
  readonly correlationId: string;
  /** The id of the message that it follows from, if it follows from one. */
  readonly causationId: string | undefined;
  /** The service that published it, as "orders". */
  readonly source: string;
  /** The value of the event's key field, as the order id. */
  readonly key: string;
  /** When it was published, wall ms of the publisher. */
  readonly timeMs: number;
  /** The span of this handling; a child of the span that published. */
  readonly trace: TraceContext;
  /** What the work that published it was told of its circumstances; calls and events of the handler carry it on. */
  readonly baggage?: Baggage | undefined;
  /** How often the bus has delivered it, this time counted. */
  readonly deliveries: number;
  /** Aborts when the handler's time is over or the process stops; the transaction is then rolled back. */
  readonly signal: AbortSignal;
}

/** What a handler is told beside the event, and what it writes with. */
export interface EventContext<DB> extends EventFacts {
  /**
   * The transaction in which the event is marked as done: effects written with it happen exactly once. The
   * whole handler runs inside it and holds the one write lock (SQLite) or a connection (PostgreSQL), so
   * keep it short.
   */
  readonly tx: Transaction<DB>;
}

/** A handler and the type of message it is for. */
export interface Handler<Told> {
  /** The full name of the message type. */
  readonly typeName: string;
  /** What it replies to; absent when it does not reply. */
  readonly exchange?: ExchangeNames;
  /** Reads a message; the function that is returned handles it. Throws when the bytes are not readable. */
  decode(data: Uint8Array): (context: Told) => Promise<Replying | undefined>;
}

/** A handler whose effect happens once; made by `on` and `onRequest`. */
export type EventHandler<DB> = Handler<EventContext<DB>>;

/** A handler whose effect may happen again, and which has no transaction; made by `onRepeatable`. */
export type RepeatableHandler = Handler<EventFacts>;

/** Sends the reply that a handler has made, through what it is given: its type is the handler's own business. */
export type Replying = (
  send: <A extends object>(type: MessageType<A>, message: A) => Promise<unknown>,
) => Promise<unknown>;

/** By the full name of the type. */
export type Named<H> = Pick<ReadonlyMap<string, H>, 'get' | 'has'>;

/** Who handles what. */
export type Handlers<DB> = Named<EventHandler<DB>>;

/**
 * Handles events of one type, as `on(OrderConfirmed, async (order, { tx }) => ...)`. A handler that throws
 * has done nothing: its transaction is rolled back. What follows depends on what it threw, see blame.ts:
 * UNAVAILABLE and DEADLINE_EXCEEDED let the consumer wait; INVALID_ARGUMENT, and what is wrapped by
 * `neverRetry` or `parkKey`, is a dead letter at once; everything else is tried again a few times before.
 */
export function on<T, DB>(
  type: MessageType<T>,
  handler: (event: T, context: EventContext<DB>) => Promise<void>,
): EventHandler<DB> {
  return handlerOf(type, handler);
}

/**
 * Handles events of one type for a consumer without inbox: the handler may run again for an event that it has
 * handled, so its effect must be one that does not add up (it sets a value, fills a cache, asks for what is
 * there). Nothing is written where it succeeds, which is what makes it fast.
 */
export function onRepeatable<T>(
  type: MessageType<T>,
  handler: (event: T, context: EventFacts) => Promise<void>,
): RepeatableHandler {
  return handlerOf(type, handler);
}

function handlerOf<T, Told>(
  type: MessageType<T>,
  handler: (event: T, context: Told) => Promise<void>,
): Handler<Told> {
  return {
    typeName: type.$type,
    decode(data) {
      const event = type.decode(data);
      return async (context) => {
        await handler(event, context);
        return undefined;
      };
    },
  };
}
