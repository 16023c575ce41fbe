import type { Migration } from '../store/store.ts';

// What is due at once and what is due later have an index each: a relay that looks meets neither what waits for
// its hour nor what was sent. Refused rows are few, and every look asks for them.
const outbox = `
  alter table weft_outbox add column event_key text not null default '';
  alter table weft_outbox add column sequence bigint;
  drop index weft_outbox_unsent;
  create index weft_outbox_ready on weft_outbox (id) where sent_at is null and not_before = 0;
  create index weft_outbox_later on weft_outbox (not_before, id)
    where sent_at is null and not_before > 0;
  create index weft_outbox_refused on weft_outbox (channel, event_key, id)
    where sent_at is null and attempts > 0;
  create table weft_outbox_channel (
    channel text primary key,
    identity text not null,
    last_sequence bigint not null,
    last_id text not null
  );
`;

/** The tables of outbox and inbox; put them before the service's own: `[...eventMigrations, ...own]`. */
export const eventMigrations: readonly Migration[] = [
  {
    name: 'weft-001-events',
    up: {
      // AUTOINCREMENT never reuses an id, also after the newest rows were deleted.
      sqlite: tables({
        id: 'integer primary key autoincrement',
        bytes: 'blob',
        keyed: 'without rowid',
      }),
      postgres: tables({ id: 'bigserial primary key', bytes: 'bytea', keyed: '' }),
    },
  },
  { name: 'weft-002-outbox', up: outbox },
  {
    name: 'weft-003-consume',
    up: {
      sqlite: parked({ id: 'integer primary key autoincrement', bytes: 'blob' }),
      postgres: parked({ id: 'bigserial primary key', bytes: 'bytea' }),
    },
  },
  {
    name: 'weft-004-styles',
    up: { sqlite: asks('blob'), postgres: asks('bytea') },
  },
  {
    name: 'weft-005-dead-letters',
    up: { sqlite: deadLetters('blob'), postgres: deadLetters('bytea') },
  },
  {
    name: 'weft-006-documents',
    up: `
      create table weft_document (
        consumer text not null,
        subject text not null,
        sequence bigint not null,
        published_at bigint not null,
        primary key (consumer, subject)
      );
    `,
  },
  { name: 'weft-007-ask-context', up: `alter table weft_ask add column headers text` },
];

function tables({ id, bytes, keyed }: { id: string; bytes: string; keyed: string }): string {
  return `
    create table weft_outbox (
      id ${id},
      message_id text not null,
      channel text not null,
      subject text not null,
      headers text not null,
      payload ${bytes} not null,
      created_at bigint not null,
      not_before bigint not null default 0,
      attempts integer not null default 0,
      last_error text,
      sent_at bigint
    );
    create index weft_outbox_unsent on weft_outbox (id) where sent_at is null;
    create index weft_outbox_sent on weft_outbox (sent_at) where sent_at is not null;
    create table weft_inbox (
      consumer text not null,
      event_id text not null,
      outcome text not null,
      handled_at bigint not null,
      primary key (consumer, event_id)
    ) ${keyed};
    create index weft_inbox_handled on weft_inbox (handled_at);
    create table weft_failure (
      consumer text not null,
      event_id text not null,
      failures integer not null,
      last_error text not null,
      failed_at bigint not null,
      primary key (consumer, event_id)
    ) ${keyed};
    create table weft_lease (
      name text primary key,
      holder text not null,
      token bigint not null,
      expires_at bigint not null
    );
  `;
}

function parked({ id, bytes }: { id: string; bytes: string }): string {
  return `
    create table weft_parked (
      id ${id},
      consumer text not null,
      event_id text not null,
      place text not null,
      event_key text not null,
      subject text not null,
      headers text not null,
      payload ${bytes} not null,
      sequence bigint not null,
      deliveries integer not null,
      not_before bigint not null,
      held_until bigint not null default 0,
      unique (consumer, event_id)
    );
    create index weft_parked_due on weft_parked (consumer, not_before);
    create index weft_parked_key on weft_parked (consumer, place, event_key, sequence);
  `;
}

function deadLetters(bytes: string): string {
  return `
    alter table weft_failure drop column last_error;
    alter table weft_failure add column errors text not null default '[]';
    alter table weft_failure add column first_failed_at bigint not null default 0;
    create table weft_dead_letter (
      id text primary key,
      consumer text not null,
      event_id text not null,
      channel text not null,
      subject text not null,
      sequence bigint not null,
      type text not null,
      event_key text not null,
      source text not null,
      published_at bigint not null,
      headers text not null,
      payload ${bytes} not null,
      state text not null,
      failures integer not null,
      errors text not null,
      first_failed_at bigint not null,
      died_at bigint not null,
      replays integer not null default 0,
      replayed_at bigint,
      unique (consumer, event_id)
    );
    create index weft_dead_letter_died on weft_dead_letter (died_at);
  `;
}

function asks(bytes: string): string {
  return `
    create table weft_ask (
      id text primary key,
      correlation_id text not null,
      request_type text not null,
      reply_type text not null,
      request ${bytes} not null,
      wanted integer not null,
      answers integer not null default 0,
      awaited integer not null,
      asked_at bigint not null,
      expires_at bigint not null,
      closed_at bigint
    );
    create index weft_ask_open on weft_ask (expires_at) where closed_at is null;
    create index weft_ask_closed on weft_ask (closed_at) where closed_at is not null;
    create table weft_answer (
      ask_id text not null,
      place integer not null,
      message_id text not null,
      source text not null,
      refused integer not null,
      body ${bytes} not null,
      primary key (ask_id, place)
    );
  `;
}
