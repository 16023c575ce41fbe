import type { Metadata, MethodInfo } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import { checkedKey } from '../metadata.ts';

type Entry = string | Uint8Array;

/** Headers or trailers that a handler sets; one value a key, the last one wins. */
export class Entries {
  #entries: Record<string, Entry> | undefined = undefined;

  /** Throws INVALID_ARGUMENT / INVALID_METADATA for what cannot travel. */
  set(key: string, value: Entry): void {
    this.#entries ??= Object.create(null) as Record<string, Entry>;
    this.#entries[checkedKey(key, value)] = typeof value === 'string' ? value : Buffer.from(value);
  }

  /** What was set; undefined if nothing was. */
  get all(): Metadata | undefined {
    return this.#entries;
  }
}

/** The error of a header that comes after the first message. */
export function headersSent({ service, name }: MethodInfo, key: string): MeshError {
  const message = `${service}/${name} sets header ${JSON.stringify(key)} after its first message; set it before, or as a trailer`;
  return new MeshError(message, { status: 'FAILED_PRECONDITION', reason: 'HEADERS_SENT' });
}
