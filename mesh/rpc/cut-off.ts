/**
 * What a client sends in place of a message when it gives up a stream of requests half-way.
 *
 * It is needed because a cancel does not look like one. node:http2 puts END_STREAM in front of the
 * RST_STREAM, often in a segment of its own, and a server that reads END_STREAM has every reason to believe
 * that it holds all of the stream: half an import would be booked as a whole one. This byte comes before
 * both. No protobuf message begins with it (field 0, wire type 7), so every gRPC server refuses it, and
 * weft's takes it for what it is.
 */
export const cutOff: Buffer = Buffer.from([7]);

/** True for the mark of a stream that was given up. */
export function isCutOff(bytes: Uint8Array): boolean {
  return bytes.length === 1 && bytes[0] === cutOff[0];
}
