import type { TraceContext } from '../../kernel/context.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Transaction } from '../../store/sql.ts';
import type { ExchangeNames } from '../ask/exchange.ts';
import type { Asked } from '../ask/reply.ts';

/** What a handler is told beside the event. */
export interface EventContext<DB> {
  /**
   * The transaction in which the event is marked as done: effects written with it happen exactly once. The
   * whole handler runs inside it and holds the one write lock (SQLite) or a connection (PostgreSQL), so
   * keep it short.
   */
  readonly tx: Transaction<DB>;
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
  /** How often the bus has delivered it, this time counted. */
  readonly deliveries: number;
  /** Aborts when the handler's time is over or the process stops; the transaction is then rolled back. */
  readonly signal: AbortSignal;
}

/** A handler and the type of message it is for; made by `on` and `onRequest`. */
export interface EventHandler<DB> {
  /** The full name of the message type. */
  readonly typeName: string;
  /** What it replies to; absent when it does not reply. */
  readonly exchange?: ExchangeNames;
  /** Reads a message; the function that is returned handles it. Throws when the bytes are not readable. */
  decode(data: Uint8Array): (context: EventContext<DB>) => Promise<Replying | undefined>;
}

/** Sends the reply that a handler has made, through what it is given: its type is the handler's own business. */
export type Replying = (
  send: <A extends object>(type: MessageType<A>, message: A) => Promise<unknown>,
) => Promise<unknown>;

/** Who handles what, by the full name of the type. */
export type Handlers<DB> = Pick<ReadonlyMap<string, EventHandler<DB>>, 'get' | 'has'>;

/**
 * Handles events of one type, as `on(OrderConfirmed, async (order, { tx }) => ...)`. A handler that throws
 * has done nothing: its transaction is rolled back. What follows depends on what it threw, see blame.ts:
 * UNAVAILABLE and DEADLINE_EXCEEDED let the consumer wait, everything else is tried again a few times and
 * then becomes a dead letter.
 */
export function on<T, DB>(
  type: MessageType<T>,
  handler: (event: T, context: EventContext<DB>) => Promise<void>,
): EventHandler<DB> {
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
