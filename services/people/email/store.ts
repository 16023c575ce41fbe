/** E-mails in SQL: none is lost with the process, and all instances share them. */
import type { Migration, Store, Transaction } from '#mesh';
import type { Email } from './welcome.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER. */
export const emailMigrations: readonly Migration[] = [
  {
    name: '001-email',
    up: `
      create table emails (
        email_id text primary key,
        customer_id text not null,
        address text not null,
        subject text not null,
        body text not null,
        state text not null,
        tries integer not null,
        claimed_until bigint not null
      );
      create index emails_in_state on emails (state, email_id);
      create table pauses (
        provider text primary key,
        until bigint not null,
        because text not null,
        failures integer not null
      );
    `,
  },
];

export type EmailState = 'waiting' | 'sent' | 'refused';

interface EmailRow {
  email_id: string;
  customer_id: string;
  address: string;
  subject: string;
  body: string;
  state: EmailState;
  tries: number;
  /** Wall ms; an instance is at it until then. */
  claimed_until: number;
}

/** The tables of this service, as Kysely sees them. */
export interface EmailDb {
  emails: EmailRow;
  /** One row: there is one provider. */
  pauses: { provider: string; until: number; because: string; failures: number };
}

export interface KnownEmail extends Email {
  readonly state: EmailState;
  readonly tries: number;
}

export interface EmailStore {
  /** Writes an e-mail down unless it stands there. */
  add(tx: Transaction<EmailDb>, email: Email): Promise<void>;
  /** Takes the oldest that waits and that nobody is at, for itself until `untilMs`. */
  claim(nowMs: number, untilMs: number): Promise<KnownEmail | undefined>;
  /** It has been tried; one that waits is free again. One that has its end keeps it: who was slow and lost the claim may still say so. */
  tried(emailId: string, state: EmailState): Promise<void>;
  listOf(customerId: string): Promise<readonly KnownEmail[]>;
  counts(): Promise<Readonly<Record<EmailState, number>>>;
}

export function createEmailStore({ db, dialect }: Store<EmailDb>): EmailStore {
  return {
    async add(tx, { emailId, customerId, address, subject, text }) {
      const row = { email_id: emailId, customer_id: customerId, address, subject, body: text };
      await tx
        .insertInto('emails')
        .values({ ...row, state: 'waiting', tries: 0, claimed_until: 0 })
        .onConflict((conflict) => conflict.column('email_id').doNothing())
        .execute();
    },

    async claim(nowMs, untilMs) {
      const row = await db
        .updateTable('emails')
        .set({ claimed_until: untilMs })
        .where('email_id', '=', (query) =>
          query
            .selectFrom('emails')
            .select('email_id')
            .where('state', '=', 'waiting')
            .where('claimed_until', '<=', nowMs)
            .orderBy('email_id')
            .limit(1)
            // SQLite has one writer at a time; on PostgreSQL each takes another one, and nobody waits.
            .$if(dialect === 'postgres', (free) => free.forUpdate().skipLocked()),
        )
        .returningAll()
        .executeTakeFirst();
      return row && fromRow(row);
    },

    async tried(emailId, state) {
      await db
        .updateTable('emails')
        .set((row) => ({ state, claimed_until: 0, tries: row('tries', '+', 1) }))
        .where('email_id', '=', emailId)
        .where('state', '=', 'waiting')
        .execute();
    },

    async listOf(customerId) {
      const rows = await db
        .selectFrom('emails')
        .selectAll()
        .where('customer_id', '=', customerId)
        .orderBy('email_id')
        .execute();
      return rows.map(fromRow);
    },

    async counts() {
      const rows = await db
        .selectFrom('emails')
        .select(['state', ({ fn }) => fn.countAll<number | string>().as('many')])
        .groupBy('state')
        .execute();
      const of = (state: EmailState): number =>
        Number(rows.find((row) => row.state === state)?.many ?? 0);
      return { waiting: of('waiting'), sent: of('sent'), refused: of('refused') };
    },
  };
}

function fromRow({ email_id, customer_id, body, ...row }: EmailRow): KnownEmail {
  const { address, subject, state, tries } = row;
  return {
    ...{ emailId: email_id, customerId: customer_id, address, subject, text: body, state, tries },
  };
}
