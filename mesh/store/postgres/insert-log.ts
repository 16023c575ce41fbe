import type { EventEmitter } from 'node:events';
import { Client } from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { FollowOptions, InsertLog } from '../insert-log.ts';
import { fromPostgres } from './error.ts';
import { createPgoutputReader, type PgoutputReader } from './pgoutput.ts';

export interface InsertLogOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Logical replication, by a slot that lives as long as its connection. */
export function createInsertLog(options: InsertLogOptions): InsertLog {
  return { follow: (wanted) => new Following(options, wanted) };
}

// The server ends who is silent for wal_sender_timeout, 60 s by default.
const statusEveryMs = 10_000;
const connectTimeoutMs = 5_000;

class Following implements Closeable {
  readonly #client: Client;
  readonly #reader: PgoutputReader;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #wanted: FollowOptions;
  /** Slots are known in all databases of a server, and go with their connection. */
  readonly #slot: string;
  #heard = 0n;
  #over = false;
  #closed: Promise<void> | undefined;
  #stopStatus = (): void => undefined;

  constructor({ url, clock, random, log }: InsertLogOptions, wanted: FollowOptions) {
    this.#client = new Client(replicating(url));
    this.#reader = createPgoutputReader(wanted.table);
    this.#log = log;
    this.#clock = clock;
    this.#wanted = wanted;
    this.#slot = `${wanted.name}_${random.hex(8)}`;
    this.#client.on('error', (thrown) => {
      this.#end(thrown);
    });
    this.#client.on('end', () => {
      this.#end(new Error('the connection was terminated'));
    });
    this.#begin().catch((thrown: unknown) => {
      this.#end(thrown);
    });
  }

  close(): Promise<void> {
    this.#over = true;
    this.#stopStatus();
    // The driver forgets who asks twice.
    this.#closed ??= this.#client.end().catch(() => undefined);
    return this.#closed;
  }

  async #begin(): Promise<void> {
    const { table, name } = this.#wanted;
    await this.#client.connect();
    await this.#check();
    await this.#publish(table, name);
    // Waits until transactions that run now have ended: what they write, the log could not tell.
    // The words of the replication protocol are upper-case: another parser than that of SQL reads them.
    const slot = `CREATE_REPLICATION_SLOT ${this.#slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`;
    await this.#client.query(slot);
    const connection = copyConnection(this.#client);
    connection.on('copyData', ({ chunk }: { chunk: Buffer }) => {
      this.#onChunk(chunk);
    });
    connection.once('replicationStart', () => {
      this.#sendStatusAgain();
      if (!this.#over) this.#wanted.onReady();
    });
    const settings = `proto_version '1', publication_names '${name}'`;
    // Resolves when the stream ends, and rejects when the server ends it.
    await this.#client.query(`START_REPLICATION SLOT ${this.#slot} LOGICAL 0/0 (${settings})`);
    throw new Error('the connection was terminated');
  }

  async #check(): Promise<void> {
    const show = async (setting: string): Promise<string> => {
      const { rows } = await this.#client.query<Record<string, string>>(`show ${setting}`);
      return rows[0]?.[setting] ?? '';
    };
    const level = await show('wal_level');
    if (level !== 'logical') {
      throw notSetUp(`wal_level is ${level}; set it to logical, and start PostgreSQL anew`);
    }
    // A reader that hangs holds the log from being removed until one of the two ends it.
    const bounded = (await show('wal_sender_timeout')) !== '0';
    if (!bounded && (await show('max_slot_wal_keep_size')) === '-1') {
      this.#log.warn('a process that hangs could fill the disk of PostgreSQL with its log', {
        advice: 'set max_slot_wal_keep_size, or wal_sender_timeout',
      });
    }
  }

  /** Makes the publication, which says what the log tells of. */
  async #publish(table: string, name: string): Promise<void> {
    const known = await this.#client.query(
      `select 1 from pg_publication_tables where pubname = '${name}' and tablename = '${table}'`,
    );
    if (known.rows.length > 0) return;
    await this.#client.query(
      `create publication ${name} for table ${table} with (publish = 'insert')`,
    );
  }

  #onChunk(chunk: Buffer): void {
    if (this.#over) return;
    const kind = String.fromCharCode(chunk.readUInt8(0));
    if (kind === 'k') {
      this.#hear(chunk.readBigUInt64BE(1));
      if (chunk.readUInt8(17) === 1) this.#sendStatus();
    } else if (kind === 'w') {
      const transaction = this.#reader.read(chunk.subarray(25));
      this.#hear(chunk.readBigUInt64BE(9));
      if (transaction !== undefined) this.#wanted.onInserts(transaction);
    }
  }

  #hear(place: bigint): void {
    if (place > this.#heard) this.#heard = place;
  }

  /** All that was heard may be removed from the log: what it told of stands in the table. */
  #sendStatus(): void {
    const status = Buffer.alloc(34);
    status.write('r', 0, 'latin1');
    for (const offset of [1, 9, 17]) status.writeBigUInt64BE(this.#heard, offset);
    status.writeBigUInt64BE(BigInt(this.#clock.now() - year2000) * 1000n, 25);
    copyConnection(this.#client).sendCopyFromChunk(status);
  }

  #sendStatusAgain(): void {
    if (this.#over) return;
    this.#sendStatus();
    this.#stopStatus = this.#clock.after(statusEveryMs, () => {
      this.#sendStatusAgain();
    });
  }

  #end(thrown: unknown): void {
    if (this.#over) return;
    void this.close();
    this.#wanted.onEnd(fromPostgres(notAllowed(thrown)));
  }
}

/** The protocol counts microseconds from there. */
const year2000 = Date.UTC(2000, 0, 1);

/** What the driver's connection can do beside what its types say. */
interface CopyConnection extends EventEmitter {
  sendCopyFromChunk(chunk: Buffer): void;
}

function copyConnection(client: Client): CopyConnection {
  // The driver speaks the messages of replication, and its types do not name them. Source: pg, lib/connection.js.
  return client.connection as unknown as CopyConnection;
}

/** The options of a connection that replicates; it takes simple queries alone, as those above are. */
function replicating(
  url: string,
): ConstructorParameters<typeof Client>[0] & { replication: string } {
  return {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'weft',
    options: '-c bytea_output=hex',
    replication: 'database',
  };
}

/** What the server refuses because of how it, or its user, is set up, with what to do. */
function notAllowed(thrown: unknown): unknown {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code;
  if (code === '42501') {
    return notSetUp(
      'the user may not replicate or publish; alter role … replication, and grant create on the database',
    );
  }
  if (code === '53400')
    return notSetUp('all replication slots are in use; raise max_replication_slots');
  return thrown;
}

function notSetUp(what: string): MeshError {
  return new MeshError(`the log of PostgreSQL cannot be followed: ${what}`, {
    status: 'FAILED_PRECONDITION',
    reason: 'NO_INSERT_LOG',
  });
}
