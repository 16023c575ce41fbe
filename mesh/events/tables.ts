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
  /** What keeps it in order with others of its channel; '' = nothing. */
  event_key: Generated<string>;
  /** Its place in the channel, once it is sent. */
  sequence: number | null;
}

/** What is known of a channel: if it no longer holds this, it has lost messages. */
interface OutboxChannelTable {
  channel: string;
  /** Of the bus: another one when the channel was made anew. */
  identity: string;
  /** The highest place that a message of this outbox was given there; 0 = none. */
  last_sequence: number;
  /** The id of that message. */
  last_id: string;
}

/** What a consumer is done with: its effect has happened, it became a dead letter, or it came too late. */
interface InboxTable {
  consumer: string;
  event_id: string;
  outcome: 'done' | 'dead' | 'expired';
  handled_at: number;
}

/** What a consumer failed at and will see again. */
interface FailureTable {
  consumer: string;
  event_id: string;
  failures: number;
  /** JSON, see dead-letters/failure.ts. */
  errors: Generated<string>;
  first_failed_at: number;
  failed_at: number;
}

/** What a consumer will see again, later than the bus should hold it back. */
interface ParkedTable {
  id: Generated<number>;
  consumer: string;
  event_id: string;
  /** The subject without its type: the channel and, where there are partitions, the partition. */
  place: string;
  /** Percent-encoded, so that no character of it is refused. */
  event_key: string;
  subject: string;
  /** JSON. */
  headers: string;
  payload: Uint8Array;
  sequence: number;
  /** How often it was delivered before, by the bus and from here. */
  deliveries: number;
  /** When it is due, wall ms. */
  not_before: number;
  /** Until when a process has it in hand, wall ms; 0 = nobody. */
  held_until: Generated<number>;
}

/** What a consumer has given up; one for each consumer and event, also when it dies again. */
interface DeadLetterTable {
  /** Sortable by the time of the first death, and unique among all services. */
  id: string;
  consumer: string;
  event_id: string;
  channel: string;
  subject: string;
  sequence: number;
  /** Of the envelope, as this and the next three; '' and 0 when it could not be read. */
  type: string;
  event_key: string;
  source: string;
  published_at: number;
  /** JSON. */
  headers: string;
  payload: Uint8Array;
  /** "replayed": it was given back to its consumer, and has not died again. */
  state: 'dead' | 'replayed';
  failures: number;
  /** JSON, see dead-letters/failure.ts. */
  errors: string;
  first_failed_at: number;
  died_at: number;
  /** How often it was replayed, and when the last time. */
  replays: Generated<number>;
  replayed_at: number | null;
}

/** The latest document of each subject, and so of each key, that a consumer has handled. */
interface DocumentTable {
  consumer: string;
  subject: string;
  sequence: number;
  /** By the clock of whoever published it. */
  published_at: number;
}

/** What a service has asked others; kept for a day after its end. Booleans are 0 and 1. */
export interface AskTable {
  /** That of the request message. */
  id: string;
  correlation_id: string;
  request_type: string;
  reply_type: string;
  request: Uint8Array;
  /** How many answers end it; 0: only its time does, or its handler. */
  wanted: number;
  answers: Generated<number>;
  awaited: number;
  /** JSON: trace and baggage of whoever asked, as headers; null where an earlier version asked. */
  headers: string | null;
  asked_at: number;
  expires_at: number;
  /** Null until it is over. */
  closed_at: number | null;
}

/** What was answered. */
interface AnswerTable {
  ask_id: string;
  /** From 1, in the order in which they came. */
  place: number;
  message_id: string;
  source: string;
  /** 1: the body is a google.rpc.Status. */
  refused: number;
  body: Uint8Array;
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
  weft_outbox_channel: OutboxChannelTable;
  weft_inbox: InboxTable;
  weft_failure: FailureTable;
  weft_parked: ParkedTable;
  weft_dead_letter: DeadLetterTable;
  weft_document: DocumentTable;
  weft_ask: AskTable;
  weft_answer: AnswerTable;
  weft_lease: LeaseTable;
}

/**
 * The tables of this room in a database or transaction whose type is the service's: `eventMigrations` made
 * them there, and the service's own type does not name them.
 */
export function eventTables<DB>(db: Kysely<DB>): Kysely<EventTables> {
  return db as unknown as Kysely<EventTables>;
}
