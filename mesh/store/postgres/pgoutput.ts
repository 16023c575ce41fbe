import type { LoggedRow, LoggedTransaction } from '../insert-log.ts';

/** Reads the messages of the plugin pgoutput, version 1; gives a transaction at its commit. */
export interface PgoutputReader {
  read(message: Buffer): LoggedTransaction | undefined;
}

/** Source of all layouts: postgresql.org/docs/current/protocol-logicalrep-message-formats.html. */
export function createPgoutputReader(table: string): PgoutputReader {
  /** The columns of the table, by the number under which the server announced it. */
  const columns = new Map<number, readonly string[]>();
  let xid = 0;
  let rows: LoggedRow[] = [];
  return {
    read(message) {
      const input = createInput(message);
      switch (String.fromCharCode(input.byte())) {
        case 'B':
          // The place of the commit and its time, which nobody needs here.
          input.skip(16);
          xid = input.uint32();
          rows = [];
          return undefined;
        case 'R': {
          const relation = readRelation(input);
          if (relation.name === table) columns.set(relation.id, relation.columns);
          return undefined;
        }
        case 'I': {
          const known = columns.get(input.uint32());
          if (known !== undefined) rows.push(readRow(input, known));
          return undefined;
        }
        case 'C':
          return rows.length === 0 ? undefined : { xid, rows };
        default:
          return undefined;
      }
    },
  };
}

function readRelation(input: Input): { id: number; name: string; columns: string[] } {
  const id = input.uint32();
  input.text();
  const name = input.text();
  // How rows are identified in updates.
  input.skip(1);
  const columns = Array.from({ length: input.uint16() }, () => {
    input.skip(1);
    const column = input.text();
    // Its type and what modifies that.
    input.skip(8);
    return column;
  });
  return { id, name, columns };
}

function readRow(input: Input, columns: readonly string[]): LoggedRow {
  // "N": a new tuple follows.
  input.skip(1);
  const row: Record<string, string | null> = {};
  const count = input.uint16();
  for (let i = 0; i < count; i++) {
    const isText = input.byte() === 't'.charCodeAt(0);
    const column = columns[i];
    const value = isText ? input.sized() : null;
    if (column !== undefined) row[column] = value;
  }
  return row;
}

/** Reads a message from its beginning. */
interface Input {
  byte(): number;
  uint16(): number;
  uint32(): number;
  /** Text that ends with NUL. */
  text(): string;
  /** Text that begins with its length. */
  sized(): string;
  skip(bytes: number): void;
}

function createInput(message: Buffer): Input {
  let at = 0;
  const take = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  return {
    byte: () => message.readUInt8(take(1)),
    uint16: () => message.readUInt16BE(take(2)),
    uint32: () => message.readUInt32BE(take(4)),
    text() {
      const end = message.indexOf(0, at);
      const text = message.toString('utf8', at, end);
      at = end + 1;
      return text;
    },
    sized() {
      const length = message.readUInt32BE(take(4));
      const begin = take(length);
      return message.toString('utf8', begin, begin + length);
    },
    skip: (bytes) => void take(bytes),
  };
}
