import { describe, MeshError } from '../../kernel/error.ts';
import { type StoreFault, storeError } from '../error.ts';

// Primary result codes; the extended ones carry them in their low byte. Source: sqlite.org/rescode.html.
const busy = 5;
const locked = 6;
const faults: Readonly<Record<number, StoreFault>> = {
  [busy]: 'STORE_BUSY',
  [locked]: 'STORE_BUSY',
  8: 'STORE_UNAVAILABLE', // READONLY: a file or folder without write permission
  10: 'STORE_UNAVAILABLE', // IOERR
  11: 'STORE_CORRUPT', // CORRUPT
  13: 'STORE_FULL', // FULL
  14: 'STORE_UNAVAILABLE', // CANTOPEN
  19: 'CONSTRAINT_VIOLATION', // CONSTRAINT
  26: 'STORE_CORRUPT', // NOTADB
};
const unique = new Set([1555, 2067, 2579]); // CONSTRAINT_PRIMARYKEY, _UNIQUE, _ROWID

/** Whether another connection holds the lock: the one error that goes away by waiting. */
export function isBusy(thrown: unknown): boolean {
  const code = errorCode(thrown);
  return code !== undefined && ((code & 0xff) === busy || (code & 0xff) === locked);
}

/** The MeshError of what node:sqlite threw. */
export function fromSqlite(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const code = errorCode(thrown);
  if (code === undefined) {
    // A closed store is out of reach, like a server that has gone.
    const closed = describe(thrown).includes('not open');
    return storeError(closed ? 'STORE_UNAVAILABLE' : 'STORE_ERROR', 'node:sqlite', thrown);
  }
  const fault = unique.has(code) ? 'UNIQUE_VIOLATION' : (faults[code & 0xff] ?? 'STORE_ERROR');
  return storeError(fault, `SQLite ${String(code)}`, thrown);
}

function errorCode(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('errcode' in thrown)) return undefined;
  return typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}
