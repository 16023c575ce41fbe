/** What one process gives to those who are connected; everything is bounded, whoever is at the other end. */
export interface SocketLimits {
  /** Connections at a time; more are answered with 503. Default 16 384. */
  readonly connections: number;
  /** The largest frame of a client, in bytes; a larger one closes the connection with 1009. Default 64 KiB. */
  readonly frameBytes: number;
  /** Frames of one client a second; what is more is not refused, it waits unread. Default 50. */
  readonly framesPerSecond: number;
  /** How many frames may come at once after a silence. Default 100. */
  readonly burst: number;
  /** Requests of one client that are handled at the same time. Default 1: one after the other, in their order. */
  readonly requests: number;
  /** Bytes that wait to be sent to one client; above it, who sends waits, and nothing more is read. Default 64 KiB. */
  readonly waitingBytes: number;
  /** How long a client may leave that many bytes unread, in ms; then it is closed with 4008. Default 10 000. */
  readonly stalledMs: number;
  /** How often a client is asked for a sign of life, in ms; one that has given none till the next time is cut off. Default 20 000. */
  readonly pingMs: number;
  /** How long running requests, and then clients that are told to leave, may take, in ms. Default 2000. */
  readonly farewellMs: number;
}

export const defaultSocketLimits: SocketLimits = {
  connections: 16_384,
  frameBytes: 64 * 1024,
  framesPerSecond: 50,
  burst: 100,
  requests: 1,
  waitingBytes: 64 * 1024,
  stalledMs: 10_000,
  pingMs: 20_000,
  farewellMs: 2_000,
};
