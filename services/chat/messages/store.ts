/**
 * Messages and mailboxes in SQL. The row of a mailbox gives out its places: whoever writes to it holds the row
 * until its commit, so places are committed in their order and no reader sees a gap that is filled later.
 */
import { isUniqueViolation, type Migration, type Store, type Transaction } from '#mesh';
import { acknowledgedAt, type Draft, type Message } from './message.ts';

export const messageMigrations: readonly Migration[] = [
  {
    name: '001-messages',
    up: `
      create table mailboxes (
        user_id text primary key,
        last_place bigint not null,
        acknowledged bigint not null
      );
      create table messages (
        message_id text primary key,
        sender text not null,
        recipient text not null,
        client_id text not null,
        text text not null,
        place bigint not null,
        status text not null,
        received_at bigint not null,
        unique (sender, client_id),
        unique (recipient, place)
      );
      create index messages_between on messages (sender, recipient, received_at);
    `,
  },
];

interface MessageRow {
  message_id: string;
  sender: string;
  recipient: string;
  client_id: string;
  text: string;
  place: number;
  status: Message['status'];
  received_at: number;
}

/** The tables of this service, as Kysely sees them. */
export interface MessagesDb {
  mailboxes: { user_id: string; last_place: number; acknowledged: number };
  messages: MessageRow;
}

/** What is known of a new message beside its words. */
export interface Entry {
  readonly messageId: string;
  readonly receivedAtMs: number;
  /** What else is written with it, if it is new. */
  readonly stored: (tx: Transaction<MessagesDb>, message: Message) => Promise<unknown>;
}

export interface MessageStore {
  /** Stores a message, unless there is one under its key; gives what stands there now. */
  add(draft: Draft, entry: Entry): Promise<Message>;
  /** Messages behind a place, in their order; by default behind what is acknowledged. */
  mailbox(
    userId: string,
    page: { readonly after: number | undefined; readonly limit: number },
  ): Promise<{ readonly messages: readonly Message[]; readonly acknowledged: number }>;
  /** Marks as sent what is behind the last acknowledgement, up to `place`; gives it, and how far it goes now. */
  acknowledge(
    tx: Transaction<MessagesDb>,
    userId: string,
    place: number,
  ): Promise<{ readonly sent: readonly Message[]; readonly place: number }>;
  /** The latest between two users, oldest first. */
  conversation(pair: readonly [string, string], limit: number): Promise<readonly Message[]>;
}

export function createMessageStore(store: Store<MessagesDb>): MessageStore {
  const { db } = store;
  const add: MessageStore['add'] = (draft, entry) =>
    store.grouped(async (tx) => {
      const known = await find(tx, draft);
      if (known !== undefined) return known;
      const { messageId, receivedAtMs } = entry;
      const place = await nextPlace(tx, draft.recipient);
      const message: Message = { ...draft, messageId, place, status: 'received', receivedAtMs };
      await tx.insertInto('messages').values(rowOf(message)).execute();
      await entry.stored(tx, message);
      return message;
    });
  return {
    async add(draft, entry) {
      try {
        return await add(draft, entry);
      } catch (thrown) {
        // On PostgreSQL another instance can be faster with the same message.
        if (!isUniqueViolation(thrown)) throw thrown;
        return add(draft, entry);
      }
    },

    async mailbox(userId, { after, limit }) {
      const row = await db
        .selectFrom('mailboxes')
        .select('acknowledged')
        .where('user_id', '=', userId)
        .executeTakeFirst();
      const acknowledged = row?.acknowledged ?? 0;
      const rows = await db
        .selectFrom('messages')
        .selectAll()
        .where('recipient', '=', userId)
        .where('place', '>', after ?? acknowledged)
        .orderBy('place')
        .limit(limit)
        .execute();
      return { messages: rows.map(messageOf), acknowledged };
    },

    acknowledge,

    async conversation([one, other], limit) {
      const rows = await db
        .selectFrom('messages')
        .selectAll()
        .where((eb) =>
          eb.or([
            eb.and({ sender: one, recipient: other }),
            eb.and({ sender: other, recipient: one }),
          ]),
        )
        .orderBy('received_at', 'desc')
        .orderBy('message_id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(messageOf).reverse();
    },
  };
}

async function find(tx: Transaction<MessagesDb>, draft: Draft): Promise<Message | undefined> {
  const row = await tx
    .selectFrom('messages')
    .selectAll()
    .where('sender', '=', draft.sender)
    .where('client_id', '=', draft.clientId)
    .executeTakeFirst();
  return row && messageOf(row);
}

async function nextPlace(tx: Transaction<MessagesDb>, userId: string): Promise<number> {
  const { last_place: place } = await tx
    .insertInto('mailboxes')
    .values({ user_id: userId, last_place: 1, acknowledged: 0 })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet(({ eb }) => ({ last_place: eb('mailboxes.last_place', '+', 1) })),
    )
    .returning('last_place')
    .executeTakeFirstOrThrow();
  return place;
}

const acknowledge: MessageStore['acknowledge'] = async (tx, userId, place) => {
  // Takes the row first: on PostgreSQL two acknowledgements follow each other.
  const mailbox = await tx
    .updateTable('mailboxes')
    .set(({ ref }) => ({ acknowledged: ref('acknowledged') }))
    .where('user_id', '=', userId)
    .returning(['acknowledged', 'last_place'])
    .executeTakeFirst();
  if (mailbox === undefined) return { sent: [], place: 0 };
  const { acknowledged, last_place: last } = mailbox;
  const now = acknowledgedAt({ acknowledged, last }, place);
  if (now === acknowledged) return { sent: [], place: now };
  await tx
    .updateTable('mailboxes')
    .set({ acknowledged: now })
    .where('user_id', '=', userId)
    .execute();
  const rows = await tx
    .updateTable('messages')
    .set({ status: 'sent' })
    .where('recipient', '=', userId)
    .where('place', '>', acknowledged)
    .where('place', '<=', now)
    .returningAll()
    .execute();
  const sent = rows.map(messageOf).sort((a, b) => a.place - b.place);
  return { sent, place: now };
};

function rowOf(message: Message): MessageRow {
  const { messageId, sender, recipient, clientId, text, place, status, receivedAtMs } = message;
  return {
    ...{ message_id: messageId, sender, recipient, client_id: clientId },
    ...{ text, place, status, received_at: receivedAtMs },
  };
}

function messageOf(row: MessageRow): Message {
  const { sender, recipient, text, place, status } = row;
  return {
    ...{ messageId: row.message_id, sender, recipient, clientId: row.client_id },
    ...{ text, place, status, receivedAtMs: row.received_at },
  };
}
