import { messageFaults } from '../frames/faults.ts';
import { StreamWire, type WireListener } from '../frames/stream-wire.ts';
import { clientReadStream } from '../grpc-internals.ts';
import type { WireCall } from './outcome.ts';

/** How the responses of a stream come. */
export interface Reading {
  /** One more message may come. */
  readOn(): void;
  /** The status is here: gives out all that came before it. */
  finish(): void;
  /** Nothing is wanted any more. */
  drop(): void;
}

/**
 * Straight from the HTTP/2 stream under a call whose headers have just come (frames/stream-wire.ts); undefined
 * where its messages may be compressed, or the stream is not where it is looked for.
 */
export function readPast(
  call: WireCall,
  maxMessageBytes: number,
  listener: WireListener,
): Reading | undefined {
  const stream = clientReadStream(call);
  return stream && new StreamWire(stream, maxMessageBytes, listener, messageFaults);
}
