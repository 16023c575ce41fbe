import type { ServerResponse } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import { clientLeft, readBody } from './body.ts';
import type { Incoming, Outgoing } from './incoming.ts';

export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** The answer to one request, the same over both versions of HTTP. */
export interface Exchange {
  /** Aborts when the client is gone before its answer is complete. */
  readonly signal: AbortSignal;
  /** Whether headers are out, so that no other status can be said. */
  readonly begun: boolean;
  /** Adds to the headers of whatever answer comes. */
  header(name: string, value: string): void;
  /** A whole answer. */
  reply(status: number, headers: AnswerHeaders, body?: string | Uint8Array): void;
  /** The head of an answer that comes in pieces. */
  open(status: number, headers: AnswerHeaders): void;
  /** A piece; resolves when there is room for the next one. Throws when the client is gone or does not read. */
  write(piece: string | Uint8Array): Promise<void>;
  /** The end of the pieces. */
  end(): void;
  /** The body, whole. Throws BODY_TOO_LARGE beyond the limit. */
  body(): Promise<Buffer>;
}

export interface ExchangeOptions {
  readonly bodyBytes: number;
  readonly requestTimeoutMs: number;
  readonly stalledReaderMs: number;
  readonly clock: Clock;
}

export function createExchange(
  incoming: Incoming,
  outgoing: Outgoing,
  options: ExchangeOptions,
): Exchange {
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort(clientLeft());
  });
  // A client that resets its stream is no fault of this process; 'close' tells of it.
  outgoing.on('error', () => undefined);
  incoming.on('error', () => undefined);
  const head = (status: number, headers: AnswerHeaders): void => {
    outgoing.statusCode = status;
    for (const [name, value] of Object.entries(headers)) {
      outgoing.setHeader(name, typeof value === 'string' ? value : [...value]);
    }
  };
  return {
    signal: gone.signal,
    get begun() {
      return outgoing.headersSent;
    },
    header(name, value) {
      if (!outgoing.headersSent) outgoing.setHeader(name, value);
    },
    reply(status, headers, body = '') {
      head(status, headers);
      if (status !== 204 && status !== 304) {
        outgoing.setHeader('content-length', Buffer.byteLength(body));
      }
      if (incoming.method === 'HEAD' || body.length === 0) outgoing.end();
      else outgoing.end(body);
    },
    open(status, headers) {
      head(status, headers);
      if ('flushHeaders' in outgoing) outgoing.flushHeaders();
      else outgoing.writeHead(status);
    },
    async write(piece) {
      gone.signal.throwIfAborted();
      // Both kinds of answer are streams of Node; their `write` has two types that do not meet.
      const more = (outgoing as ServerResponse).write(piece);
      if (!more) await drained(outgoing, gone.signal, options);
    },
    end() {
      outgoing.end();
    },
    body: () => readBody(incoming, gone.signal, options),
  };
}

/** Waits for a reader; one that does not read for long is cut off, for its answer is held in memory. */
function drained(
  outgoing: Outgoing,
  signal: AbortSignal,
  { stalledReaderMs, clock }: Pick<ExchangeOptions, 'stalledReaderMs' | 'clock'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      cancel();
      outgoing.removeListener('drain', finish);
      signal.removeEventListener('abort', onGone);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onGone = (): void => finish(signal.reason as Error);
    const cancel = clock.after(stalledReaderMs, () => {
      outgoing.destroy();
      finish(clientLeft());
    });
    outgoing.once('drain', () => finish());
    signal.addEventListener('abort', onGone, { once: true });
    if (signal.aborted) onGone();
  });
}
