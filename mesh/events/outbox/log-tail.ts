import type { Clock } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { InsertLog, LoggedRow, LoggedTransaction } from '../../store/insert-log.ts';
import type { Store } from '../../store/store.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { messageOf, type Outbox, type OutboxMessage } from './outbox.ts';
import { readSnapshot, sees } from './snapshot.ts';
import type { Source } from './source.ts';

export interface LogTailOptions<DB> {
  readonly store: Store<DB>;
  readonly insertLog: InsertLog;
  readonly outbox: Outbox<DB>;
  /** How often rows are looked for whose time has come, in ms: the log told of them when they were written. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The log tells of something new. */
  readonly onNews: () => void;
}

/** A message of the log, with the transaction that wrote it. */
interface Told {
  readonly xid: number;
  readonly message: OutboxMessage;
}

// More is not kept in memory: the table is read then, until nothing is left there.
const mostTold = 10_000;
const again: RetryDelay = { firstMs: 500, longestMs: 30_000 };

/**
 * Takes messages from the log of the database, in the order of commits, without asking the table. The table is
 * the truth all the same: it is read first, until nothing is left there, and whenever something is in doubt
 * (the log was away, a message was refused or is open, too much is waiting).
 */
export function createLogTail<DB>(options: LogTailOptions<DB>): Source {
  return new LogTail(options);
}

class LogTail<DB> implements Source {
  #told: Told[] = [];
  #following: Closeable | undefined;
  #ready = false;
  /** Nothing is due in the table but what the log tells of. */
  #caughtUp = false;
  #doubts = 0;
  #failures = 0;
  #retryAt = 0;
  #lookAt = 0;
  #cancelRetry = (): void => undefined;
  readonly #options: LogTailOptions<DB>;

  constructor(options: LogTailOptions<DB>) {
    this.#options = options;
  }

  async read(limit: number, except: ReadonlySet<number>): Promise<readonly OutboxMessage[]> {
    this.#follow();
    const left = this.#caughtUp ? [] : await this.#readTable(limit, except);
    if (left.length > 0 || !this.#isCaughtUp()) return left;
    const waited = await this.#readWaited(limit, except);
    const told = this.#told.splice(0, limit - waited.length);
    return [...waited, ...told.map(({ message }) => message)];
  }

  doubt(): void {
    this.#doubts++;
    this.#caughtUp = false;
    // The table has them too.
    this.#told = [];
  }

  async close(): Promise<void> {
    const following = this.#following;
    this.#following = undefined;
    this.#ready = false;
    this.#cancelRetry();
    this.doubt();
    await following?.close();
  }

  /** Reads the table; when nothing is left there, all that the log tells of later is new. */
  async #readTable(limit: number, except: ReadonlySet<number>): Promise<readonly OutboxMessage[]> {
    const { store, outbox } = this.#options;
    const doubts = this.#doubts;
    // Before the look: what it sees, the look sees.
    const snapshot = this.#ready ? await readSnapshot(store.db) : undefined;
    const messages = await outbox.due(limit, except);
    if (messages.length > 0 || snapshot === undefined) return messages;
    // Behind a refused message others wait, and the log does not know.
    const { refused } = await outbox.state();
    if (refused > 0 || doubts !== this.#doubts) return messages;
    this.#told = this.#told.filter(({ xid }) => !sees(snapshot, xid));
    this.#caughtUp = true;
    return messages;
  }

  async #readWaited(limit: number, except: ReadonlySet<number>): Promise<readonly OutboxMessage[]> {
    const { outbox, clock, pollMs } = this.#options;
    if (clock.monotonic() < this.#lookAt) return [];
    this.#lookAt = clock.monotonic() + pollMs;
    return outbox.waited(limit, except);
  }

  // A method: `doubt` may be called during any await.
  #isCaughtUp(): boolean {
    return this.#caughtUp;
  }

  #follow(): void {
    const { insertLog, clock, log } = this.#options;
    if (this.#following !== undefined || clock.monotonic() < this.#retryAt) return;
    const following = insertLog.follow({
      ...{ table: 'weft_outbox', name: 'weft_outbox' },
      onReady: () => {
        if (this.#following !== following) return;
        log.info('the relay follows the log of the database', {});
        this.#ready = true;
        this.#failures = 0;
        // What was written meanwhile stands in the table.
        this.#options.onNews();
      },
      onInserts: (transaction) => {
        if (this.#following === following) this.#hear(transaction);
      },
      onEnd: (error) => {
        if (this.#following === following) this.#ended(error);
      },
    });
    this.#following = following;
  }

  #hear({ xid, rows }: LoggedTransaction): void {
    for (const row of rows) {
      // What has its hour is found in the table when that has come.
      if (row['not_before'] === '0') this.#told.push({ xid, message: fromLog(row) });
    }
    if (this.#told.length > mostTold) this.doubt();
    this.#options.onNews();
  }

  #ended(error: MeshError): void {
    const { clock, random, log } = this.#options;
    this.#following = undefined;
    this.#ready = false;
    this.doubt();
    this.#failures++;
    const retryMs = retryDelayMs(this.#failures, again, random);
    this.#retryAt = clock.monotonic() + retryMs;
    this.#cancelRetry = clock.after(retryMs, () => {
      // A timer may fire a little early, and nobody might ask again for as long as a poll takes.
      this.#retryAt = 0;
      this.#options.onNews();
    });
    if (this.#failures === 1) {
      log.warn('the relay asks the table until the log can be followed again', { err: error });
    }
  }
}

function fromLog(row: LoggedRow): OutboxMessage {
  const text = (column: string): string => row[column] ?? '';
  return messageOf({
    ...{ id: Number(text('id')), message_id: text('message_id'), attempts: 0 },
    ...{ channel: text('channel'), subject: text('subject'), event_key: text('event_key') },
    headers: text('headers'),
    // "\x" and two digits for each byte.
    payload: Buffer.from(text('payload').slice(2), 'hex'),
  });
}
