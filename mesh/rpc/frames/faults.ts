import type { FrameFaults } from './frame-reader.ts';

/** A message that has more bytes than are taken, in the words of grpc-js. */
export class TooLong extends Error {
  constructor(length: number, most: number) {
    super(`Received message larger than max (${String(length)} vs ${String(most)})`);
  }
}

/** How a stream of gRPC says what is wrong with its messages. */
export const messageFaults: FrameFaults = {
  // As gRPC's specification of compression has it.
  compressed: () => new Error('a message is marked as compressed, but grpc-encoding says how not'),
  tooLong: (length, most) => new TooLong(length, most),
};
