import { type Connection, Query } from 'pg';

/** What a statement came to. */
export interface Answer {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: unknown[];
}

/** The driver's Query as it is used here; its types leave out how it is told of answers. Source: pg, lib/query.js. */
interface DriverQuery {
  name: string | undefined;
  submit(connection: Connection): unknown;
  handleCommandComplete(message: unknown, connection: Connection): void;
}

/** Told once; a script of several statements has an answer of each. */
export type Done = (error: Error | null | undefined, answer: Answer | readonly Answer[]) => void;
type DriverQueryClass = new (text: string, values: unknown[], done: Done) => DriverQuery;

const DriverQuery = Query as unknown as DriverQueryClass;

export interface StatementText {
  readonly text: string;
  /** A script of several statements has none. */
  readonly values?: readonly unknown[];
  /** The name under which its connection prepares it, once. */
  readonly name?: string | undefined;
}

export class Statement extends DriverQuery {
  constructor({ text, values = [], name }: StatementText, done: Done) {
    // Not as one object: the driver would copy that, which costs as much as all else it does with it.
    super(text, values as unknown[], done);
    this.name = name;
  }
}

/** BEGIN, by the name under which a connection remembers it. */
export const begin = { name: 'weft_begin', text: 'begin' };

/**
 * A statement with parameters and the BEGIN of its transaction, in one message and one round trip. There is one
 * Sync after both, so the server runs the statement only if the BEGIN was run: sent as two queries, one whose
 * BEGIN failed (an operator cancelled it) would commit by itself. The connection must know `begin` already.
 */
export class FirstStatement extends Statement {
  #begun = false;

  get begun(): boolean {
    return this.#begun;
  }

  override submit(connection: Connection): unknown {
    connection.stream.cork();
    try {
      connection.bind({ statement: begin.name }, true);
      connection.execute({}, true);
      return super.submit(connection);
    } finally {
      connection.stream.uncork();
    }
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    // The first is that of the BEGIN, and nobody waits for it.
    if (this.#begun) super.handleCommandComplete(message, connection);
    this.#begun = true;
  }
}
