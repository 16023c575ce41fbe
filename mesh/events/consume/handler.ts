import type { TraceContext } from '../../kernel/context.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { Transaction } from '../../store/sql.ts';

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

/** A handler and the type of event it is for; made by `on`. */
export interface EventHandler<DB> {
  /** The full name of the message type. */
  readonly typeName: string;
  /** Reads a message; the function that is returned handles it. Throws when the bytes are not readable. */
  decode(data: Uint8Array): (context: EventContext<DB>) => Promise<void>;
}

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
      return (context) => handler(event, context);
    },
  };
}
