import { createHash } from 'node:crypto';

/** What happened, in order: one line each, of which only the hash is kept. */
export interface Trace {
  add(atMs: number, what: string): void;
  readonly lines: number;
  /** The first 16 digits of the SHA-256 of all lines; may be asked once. */
  digest(): string;
}

export function createTrace(): Trace {
  const hash = createHash('sha256');
  let lines = 0;
  return {
    add(atMs, what) {
      lines++;
      hash.update(`${String(atMs)} ${what}\n`);
    },
    get lines() {
      return lines;
    },
    digest: () => hash.digest('hex').slice(0, 16),
  };
}
