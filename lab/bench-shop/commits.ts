import { closeSync, openSync, readSync } from 'node:fs';

/**
 * How many transactions were committed to an SQLite database, counted without touching it: in WAL mode every
 * commit, of whatever process, counts up the field iChange of the WAL index, which is the file "<db>-shm"
 * (sqlite.org/walformat.html#the_wal_index_header: 32 bits in the byte order of the machine, at offset 8).
 */
export function commitsOf(database: string): number {
  return read(`${database}-shm`, 8);
}

/**
 * How often its log was begun anew after a checkpoint: a field of the header of "<db>-wal" (the same page,
 * 32 bits, most significant byte first, at offset 12). 0 before the first commit.
 */
export function checkpointsOf(database: string): number {
  return Buffer.from(Uint32Array.of(read(`${database}-wal`, 12)).buffer).readUInt32BE();
}

function read(path: string, offset: number): number {
  const word = new Uint32Array(1);
  const file = openSync(path, 'r');
  try {
    readSync(file, word, 0, 4, offset);
  } finally {
    closeSync(file);
  }
  return word[0] ?? 0;
}
