import type { Generated, Kysely } from '../store/sql.ts';

/** A message on its way out, as it will stand on the wire. */
interface OutboxTable {
  id: Generated<number>;
  /** The id of the message on the bus. */
  message_id: string;
  channel: string;
  subject: string;
  /** JSON. */
  headers: string;
  payload: Uint8Array;
  created_at: number;
  /** Not to be sent before, wall ms; 0 = at once. */
  not_before: Generated<number>;
  /** How often the bus refused this one. */
  attempts: Generated<number>;
  last_error: string | null;
  /** Null until the bus has stored it. */
  sent_at: number | null;
}

/** What a consumer is done with, effect or dead letter. */
interface InboxTable {
  consumer: string;
  event_id: string;
  outcome: 'done' | 'dead';
  handled_at: number;
}

/** What a consumer failed at and will see again. */
interface FailureTable {
  consumer: string;
  event_id: string;
  failures: number;
  last_error: string;
  failed_at: number;
}

/** Who may do what only one process may do at a time. */
interface LeaseTable {
  name: string;
  holder: string;
  token: number;
  expires_at: number;
}

/** The tables of this room, in every database of a service that speaks events. Wall times in ms. */
export interface EventTables {
  weft_outbox: OutboxTable;
  weft_inbox: InboxTable;
  weft_failure: FailureTable;
  weft_lease: LeaseTable;
}

/**
 * The tables of this room in a database or transaction whose type is the service's: `eventMigrations` made
 * them there, and the service's own type does not name them.
 */
export function eventTables<DB>(db: Kysely<DB>): Kysely<EventTables> {
  return db as unknown as Kysely<EventTables>;
}
