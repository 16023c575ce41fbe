import { DatabaseError } from 'pg';
import { describe, MeshError } from '../../kernel/error.ts';
import { type StoreFault, storeError } from '../error.ts';

// SQLSTATE by code, then by class. Source: postgresql.org/docs/current/errcodes-appendix.html.
const byCode: Readonly<Record<string, StoreFault>> = {
  '23505': 'UNIQUE_VIOLATION',
  // What was prepared is not there, or is there already: another session. From then on nothing is prepared.
  '26000': 'STORE_UNAVAILABLE',
  '42P05': 'STORE_UNAVAILABLE',
  '40001': 'SERIALIZATION_FAILURE',
  '40P01': 'SERIALIZATION_FAILURE', // deadlock
  '25P02': 'TRANSACTION_LOST', // a statement after the one that failed
  '25006': 'STORE_UNAVAILABLE', // read only: a replica that is not yet, or no longer, the primary
  '53100': 'STORE_FULL',
  '53200': 'STORE_FULL',
  '55P03': 'STORE_BUSY', // lock not available
  '57014': 'STORE_BUSY', // cancelled by statement_timeout
};
const byClass: Readonly<Record<string, StoreFault>> = {
  '08': 'STORE_UNAVAILABLE',
  '23': 'CONSTRAINT_VIOLATION',
  '53': 'STORE_UNAVAILABLE', // too many connections
  '57': 'STORE_UNAVAILABLE', // shutting down, starting up
};
const damaged = new Set(['XX001', 'XX002']);

/** The MeshError of what the driver threw. */
export function fromPostgres(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  if (thrown instanceof DatabaseError) {
    const code = thrown.code ?? '';
    const fault = byCode[code] ?? byClass[code.slice(0, 2)];
    if (fault !== undefined) return storeError(fault, `SQLSTATE ${code}`, thrown);
    return storeError(
      damaged.has(code) ? 'STORE_CORRUPT' : 'STORE_ERROR',
      `SQLSTATE ${code}`,
      thrown,
    );
  }
  // A socket error has a code; what the driver itself says of a lost connection has only words.
  const code = errorCode(thrown);
  const lost = code.startsWith('E') || /connect|terminat|timeout|pool/i.test(describe(thrown));
  return storeError(lost ? 'STORE_UNAVAILABLE' : 'STORE_ERROR', code, thrown);
}

function errorCode(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return 'pg';
  return typeof thrown.code === 'string' ? thrown.code : 'pg';
}
