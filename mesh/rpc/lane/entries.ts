import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Entry } from '../../../gen/weft/lane/v1/lane.ts';
import type { Metadata } from '../../kernel/call.ts';
import { metadataBytes, toGrpcMetadata } from '../metadata.ts';
import { type Cursor, malformed } from './cursor.ts';

type Value = string | Uint8Array;

// What the context of a call says has fields of its own.
const ownKeys = new Set(['traceparent', 'tracestate', 'baggage', 'user-agent']);

/** Metadata as it travels: the fields of a frame, and its size as HTTP/2 would count it. */
export interface PackedEntries {
  readonly fields: Uint8Array;
  readonly bytes: number;
}

/** No metadata, which is what most calls have. */
export const noMetadata: Metadata = Object.freeze(Object.create(null) as Metadata);

/**
 * Metadata as fields with this tag. Throws INVALID_ARGUMENT / INVALID_METADATA as a plain call does: what one
 * way carries, the other must. For the same reason several texts of one key are joined, which HTTP/2 does
 * (RFC 9110, 5.3); bytes stay apart.
 */
export function packEntries(metadata: Metadata, tag: number): PackedEntries {
  const writer = new BinaryWriter();
  const lawful = toGrpcMetadata(metadata).toJSON();
  for (const [key, values] of Object.entries(lawful)) {
    if (ownKeys.has(key)) continue;
    const [first] = values;
    if (first === undefined) continue;
    if (typeof first === 'string') {
      put(writer, tag, { key, value: { $case: 'text', value: values.join(', ') } });
    } else {
      for (const each of values) {
        put(writer, tag, { key, value: { $case: 'binary', value: Buffer.from(each) } });
      }
    }
  }
  return { fields: writer.finish(), bytes: metadataBytes(metadata) };
}

function put(writer: BinaryWriter, tag: number, entry: Entry): void {
  Entry.encode(entry, writer.uint32(tag).fork()).join();
}

/** Reads one entry into `into`, or into a new object: it has no prototype, for a key may be "constructor". */
export function readEntry(from: Cursor, into: Metadata | undefined): Metadata {
  const result = (into ?? Object.create(null)) as Record<string, Value | readonly Value[]>;
  const { end } = from;
  const length = from.length();
  from.end = from.at + length;
  let key = '';
  let value: Value = '';
  while (from.at < from.end) {
    const tag = from.varint();
    if (tag === 10) key = from.ascii();
    else if (tag === 18) value = from.ascii();
    // It outlives the batch that it came in.
    else if (tag === 26) value = Buffer.from(from.view());
    else from.skip(tag);
  }
  from.end = end;
  if (key === '') throw malformed('metadata has no key');
  const known = result[key];
  if (known === undefined) result[key] = value;
  else result[key] = isList(known) ? [...known, value] : [known, value];
  return result;
}

function isList(value: Value | readonly Value[]): value is readonly Value[] {
  return typeof value !== 'string' && !(value instanceof Uint8Array);
}
