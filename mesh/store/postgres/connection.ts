import {
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  SelectQueryNode,
  type TransactionSettings,
} from 'kysely';
import { DatabaseError, type PoolClient } from 'pg';
import { storeError } from '../error.ts';
import { fromPostgres } from './error.ts';
import type { Names } from './names.ts';
import {
  type Answer,
  begin,
  type Done,
  FirstStatement,
  Statement,
  type StatementText,
} from './statement.ts';

/** What all connections of a pool share. */
export interface ConnectionParts {
  readonly names: Names;
  /** Called before what would be a transaction of its own: a write outside of one, or a BEGIN. */
  readonly beforeOwn: () => void;
  /** Whether others wait for a connection. */
  readonly crowded: () => boolean;
}

/** "owed": it begins with its first statement. "lost": it did not begin, and what follows must not run alone. */
type TransactionState = 'none' | 'owed' | 'begun' | 'lost' | 'over';

// No such name is prepared, or it is already: this is not the session to which it was said.
const otherSession = new Set(['26000', '42P05']);
// A script is not asked what it selected.
const nothing: Answer = { command: '', rowCount: null, rows: [] };

/** A connection of the pool, from acquiring to releasing it. What it throws is a MeshError. */
export class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient;
  readonly #parts: ConnectionParts;
  #transaction: TransactionState = 'none';
  #released = false;
  #unfit = false;

  constructor(client: PoolClient, parts: ConnectionParts) {
    this.#client = client;
    this.#parts = parts;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#transaction === 'none' && !SelectQueryNode.is(query.query)) this.#parts.beforeOwn();
    const { command, rowCount, rows } = await this.#run(query);
    const counted = rowCount !== null && command !== 'SELECT';
    return {
      ...(counted && { numAffectedRows: BigInt(rowCount) }),
      rows: rows as R[],
    };
  }

  /** Needs a driver's cursor, which nothing here asks for. */
  streamQuery(): never {
    throw storeError('STORE_ERROR', 'streams', undefined);
  }

  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    this.#parts.beforeOwn();
    if (isolationLevel !== undefined || accessMode !== undefined) {
      const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`;
      await this.#send({ text: `begin${level} ${accessMode ?? ''}` });
      this.#transaction = 'begun';
      return;
    }
    this.#transaction = 'owed';
  }

  async commit(): Promise<void> {
    const state = this.#transaction;
    this.#transaction = 'over';
    if (state === 'owed') return;
    if (state === 'lost') throw storeError('TRANSACTION_LOST', 'BEGIN', undefined);
    const { stream } = this.#client.connection;
    // Whoever waits for this connection gets it now, and its BEGIN travels behind this COMMIT: nothing of it
    // can be undone any more, whatever the answer. Both leave in one packet.
    stream.cork();
    process.nextTick(() => {
      stream.uncork();
    });
    const answered = this.#send({ text: 'commit' });
    if (this.#parts.crowded()) this.release();
    const { command } = await answered;
    // The work swallowed the error of a statement.
    if (command === 'ROLLBACK') throw storeError('TRANSACTION_LOST', 'COMMIT', undefined);
  }

  async rollBack(): Promise<void> {
    const state = this.#transaction;
    this.#transaction = 'over';
    if (state !== 'begun') return;
    try {
      await this.#send({ text: 'rollback' });
    } catch (thrown) {
      this.#unfit = true;
      throw thrown;
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#client.release(this.#unfit);
  }

  #run(query: CompiledQuery): Promise<Answer> {
    const { sql: text, parameters } = query;
    const state = this.#transaction;
    if (state === 'lost' || state === 'over') {
      throw storeError('TRANSACTION_LOST', 'its transaction is over', undefined);
    }
    // Without parameters the driver sends a script as it is, however many statements it has.
    const config: StatementText =
      parameters.length === 0
        ? { text }
        : { text, values: parameters, name: this.#parts.names.of(query) };
    return state === 'owed' ? this.#beginWith(config) : this.#send(config);
  }

  async #beginWith(config: StatementText): Promise<Answer> {
    // Until it has surely begun: what its work tries after a BEGIN that failed would commit by itself.
    this.#transaction = 'lost';
    const { names } = this.#parts;
    if (config.values === undefined || !names.kept || !remembersBegin(this.#client)) {
      await this.#send(names.kept ? begin : { text: begin.text });
      this.#transaction = 'begun';
      return this.#send(config);
    }
    let statement: FirstStatement | undefined;
    try {
      return await this.#answer((done) => (statement = new FirstStatement(config, done)));
    } finally {
      if (statement?.begun === true) this.#transaction = 'begun';
    }
  }

  #send(config: StatementText): Promise<Answer> {
    return this.#answer((done) => new Statement(config, done));
  }

  async #answer(statementFor: (done: Done) => Statement): Promise<Answer> {
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const statement = statementFor((error, answer) => {
          if (error) reject(error);
          else resolve(Array.isArray(answer) ? nothing : (answer as Answer));
        });
        this.#client.query(statement);
      });
    } catch (thrown) {
      const forgot = thrown instanceof DatabaseError && otherSession.has(thrown.code ?? '');
      if (forgot) this.#parts.names.forgotten();
      // Also when the driver could not send it: whether the server has it prepared is unknown then.
      if (forgot || !(thrown instanceof DatabaseError)) this.#unfit = true;
      throw fromPostgres(thrown);
    }
  }
}

/** Whether `begin` is prepared there. Source: pg, lib/connection.js, whose types leave it out. */
function remembersBegin({ connection }: PoolClient): boolean {
  const { parsedStatements } = connection as unknown as { parsedStatements: object };
  return begin.name in parsedStatements;
}
