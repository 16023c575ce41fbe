import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Migration, Store } from '../store/store.ts';

/**
 * Answers that were given to requests with a key, for methods whose contract has no field for one: a repeated
 * request gets the first answer. In SQL, so that all gateways on one database know of each other.
 *
 * What this cannot promise: if a gateway dies between the call and its answer, the repeated request is carried
 * out again after the lease. Only a service that writes the key beside the effect can close that gap, and that
 * is what weft.v1.idempotency_key is for.
 */
export interface Answers {
  /**
   * The answer of the first request with this key: made by `work` now, or kept since. Throws ABORTED /
   * IDEMPOTENCY_KEY_IN_USE while the first one runs, ALREADY_EXISTS / IDEMPOTENCY_KEY_REUSED when it asked for
   * something else, and what `work` throws, which frees the key.
   */
  once(asked: Asked, work: () => Promise<Answer>): Promise<Answer & { readonly isReplay: boolean }>;
  /** Forgets what is older than a day; tells how many. */
  forget(): Promise<number>;
}

export interface Asked {
  /** Unique for its user and method. */
  readonly key: string;
  /** Of all that was asked. */
  readonly fingerprint: string;
}

/** An answer that can be given again. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface AnswerRow {
  key: string;
  fingerprint: string;
  /** JSON: Answer; null while the first request runs. */
  answer: string | null;
  /** Wall ms: until then nobody else carries the request out. */
  lease_until: number;
}

/** The tables of an edge, as Kysely sees them. */
export interface EdgeDb {
  /** The answers of one day, by their key. */
  edge_answers: AnswerRow;
}

/** To be among the migrations of a service that has an edge with answers. */
export const edgeMigrations: readonly Migration[] = [
  {
    name: 'edge-001-answers',
    up: `
      create table edge_answers (
        key text primary key,
        fingerprint text not null,
        answer text,
        lease_until bigint not null
      );
    `,
  },
];

/** How long a key is left to its first request, in ms: longer than any call of the mesh may take. */
const leaseMs = 60_000;
/** How long answers are kept, in ms. */
const keptMs = 24 * 3_600_000;

/** Keeps the first answer to each idempotency key for a day, in a database that has `edgeMigrations`. */
export function createAnswers<DB extends EdgeDb>(given: Store<DB>, clock: Clock): Answers {
  // A store of more tables is a store of these.
  const store = given as unknown as Store<EdgeDb>;

  /** The row of another request with this key; undefined: the key is now this request's. */
  function claim({ key, fingerprint }: Asked): Promise<AnswerRow | undefined> {
    return store.transaction(async (tx) => {
      const nowMs = clock.now();
      const row: AnswerRow = { key, fingerprint, answer: null, lease_until: nowMs + leaseMs };
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('edge_answers')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .column('key')
            .doUpdateSet(row)
            .where('edge_answers.answer', 'is', null)
            .where('edge_answers.lease_until', '<', nowMs),
        )
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 1n) return undefined;
      return tx
        .selectFrom('edge_answers')
        .selectAll()
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
    });
  }

  async function release(key: string): Promise<void> {
    await store.db
      .deleteFrom('edge_answers')
      .where('key', '=', key)
      .where('answer', 'is', null)
      .execute();
  }

  return {
    async once(asked, work) {
      const before = await claim(asked);
      if (before !== undefined) return replay(before, asked);
      let answer: Answer;
      try {
        answer = await work();
      } catch (thrown) {
        await release(asked.key);
        throw thrown;
      }
      await store.db
        .updateTable('edge_answers')
        .set({ answer: JSON.stringify(answer), lease_until: clock.now() })
        .where('key', '=', asked.key)
        .execute();
      return { ...answer, isReplay: false };
    },

    async forget() {
      const { numDeletedRows } = await store.db
        .deleteFrom('edge_answers')
        .where('lease_until', '<', clock.now() - keptMs)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

function replay(row: AnswerRow, { fingerprint }: Asked): Answer & { readonly isReplay: boolean } {
  if (row.fingerprint !== fingerprint) {
    throw new MeshError('this idempotency key stands for another request; use a new key', {
      ...{ status: 'ALREADY_EXISTS', reason: 'IDEMPOTENCY_KEY_REUSED' },
    });
  }
  if (row.answer === null) {
    throw new MeshError('the first request with this idempotency key still runs; come again', {
      ...{ status: 'ABORTED', reason: 'IDEMPOTENCY_KEY_IN_USE', details: { retryAfterMs: 1000 } },
    });
  }
  return { ...(JSON.parse(row.answer) as Answer), isReplay: true };
}
