import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Baggage, formatBaggage } from '../../kernel/baggage.ts';
import type { Metadata } from '../../kernel/call.ts';
import { metadataBytes } from '../metadata.ts';
import { type PackedEntries, packEntries } from './entries.ts';
import { baggageTag, callMetadataTag, tracestateTag } from './request-frames.ts';

/**
 * What few calls carry, as fields of their frame: metadata, tracestate and baggage. All in one piece, so that the
 * calls which carry none of it are written as if there were no such thing.
 */
export function packBeside(
  metadata: Metadata,
  tracestate: string | undefined,
  baggage: Baggage | undefined,
): PackedEntries {
  const entries = packEntries(metadata, callMetadataTag);
  const carried = baggage && formatBaggage(baggage);
  if (tracestate === undefined && carried === undefined) return entries;
  const writer = new BinaryWriter();
  writer.raw(entries.fields);
  if (tracestate !== undefined) writer.uint32(tracestateTag).string(tracestate);
  if (carried !== undefined) writer.uint32(baggageTag).string(carried);
  // They take room in a message as entries do; what is too much of it goes plainly.
  const bytes =
    entries.bytes + metadataBytes({ tracestate: tracestate ?? '', baggage: carried ?? '' });
  return { fields: writer.finish(), bytes };
}
