/** What a stranger may use up. Defaults follow Node's, where they are strict enough, and OWASP's advice. */
export interface EdgeLimits {
  /** From the first byte of a request to the end of its headers, in ms (slowloris). Default 10 000. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body, in ms. Default 30 000. */
  readonly requestTimeoutMs: number;
  /** How long a connection may wait for its next request, in ms. Default 15 000. */
  readonly idleTimeoutMs: number;
  /** How long an answer may wait for a reader that does not read, in ms. Default 30 000. */
  readonly stalledReaderMs: number;
  /** All headers of one request, in bytes. Default 16 KiB. */
  readonly headerBytes: number;
  /** The body of one request, in bytes. Default 1 MiB, as of a message of gRPC in weft. */
  readonly bodyBytes: number;
  /** Connections at a time, upgraded ones too. Default 16 384. */
  readonly connections: number;
  /** HTTP/2: requests at a time on one connection. Default 100. */
  readonly streams: number;
  /** How long running requests may go on when the edge closes, in ms. Default 10 000. */
  readonly drainMs: number;
}

const KiB = 1024;

export const defaultLimits: EdgeLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 15_000,
  stalledReaderMs: 30_000,
  headerBytes: 16 * KiB,
  bodyBytes: 1024 * KiB,
  connections: 16_384,
  streams: 100,
  drainMs: 10_000,
};
