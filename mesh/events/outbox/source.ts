import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Outbox, OutboxMessage } from './outbox.ts';

/**
 * Where a relay learns what to send. Every message that is due is given by some `read`, again and again until it
 * is sent, refused, or in `except`; those of one key in the order in which they were written.
 */
export interface Source extends Closeable {
  read(limit: number, except: ReadonlySet<number>): Promise<readonly OutboxMessage[]>;
  /** What was read last was not all sent: it is to be read again. */
  doubt(): void;
}

/** Asks the table, each time. */
export function createPolling<DB>(outbox: Outbox<DB>): Source {
  return {
    read: (limit, except) => outbox.due(limit, except),
    doubt: () => undefined,
    close: async () => undefined,
  };
}
