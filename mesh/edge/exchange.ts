import type { ServerResponse } from 'node:http';
import { constants } from 'node:http2';
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
  /** The code of the answer, as far as one was said; else 200. */
  readonly status: number;
  /** Which of the routes that there are was asked, as "/v1/orders/{order_id}"; "" as long as none is known. */
  readonly route: string;
  /** Says which it is: requests are counted by it, so there must be few. */
  routed(route: string): void;
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

/** What a slow reader has `stalledReaderMs` for. */
const pieceBytes = 64 * 1024;

export function createExchange(
  incoming: Incoming,
  outgoing: Outgoing,
  options: ExchangeOptions,
): Exchange {
  const { signal } = watchClient(incoming, outgoing);
  const { write, finish, deliver } = createWriter(incoming, outgoing, { ...options, signal });
  const head = (status: number, headers: AnswerHeaders): void => {
    outgoing.statusCode = status;
    for (const [name, value] of Object.entries(headers)) {
      outgoing.setHeader(name, typeof value === 'string' ? value : [...value]);
    }
  };
  let route = '';
  return {
    signal,
    get route() {
      return route;
    },
    routed(found) {
      route = found;
    },
    get begun() {
      return outgoing.headersSent;
    },
    get status() {
      return outgoing.statusCode;
    },
    header(name, value) {
      if (!outgoing.headersSent) outgoing.setHeader(name, value);
    },
    reply(status, headers, body = '') {
      head(status, headers);
      if (status !== 204 && status !== 304) {
        outgoing.setHeader('content-length', Buffer.byteLength(body));
      }
      if (incoming.method === 'HEAD' || body.length === 0) finish();
      else void deliver(typeof body === 'string' ? Buffer.from(body) : body);
    },
    open(status, headers) {
      head(status, headers);
      if ('flushHeaders' in outgoing) outgoing.flushHeaders();
      else outgoing.writeHead(status);
    },
    write,
    end: () => finish(),
    body: () => readBody(incoming, signal, options),
  };
}

/** Aborts when the client is gone before its answer is complete. */
function watchClient(incoming: Incoming, outgoing: Outgoing): AbortController {
  const gone = new AbortController();
  outgoing.once('close', () => {
    // Over HTTP/2 Node calls finished too what was cut off before anything was said.
    if (!outgoing.writableEnded || !outgoing.writableFinished) gone.abort(clientLeft());
  });
  // A client that resets its stream is no fault of this process; 'close' tells of it.
  outgoing.on('error', () => undefined);
  incoming.on('error', () => undefined);
  return gone;
}

interface Writer {
  write(piece: string | Uint8Array): Promise<void>;
  /** The end, after what is still to be said. */
  finish(last?: Uint8Array): void;
  /** A whole body; never throws. */
  deliver(body: Uint8Array): Promise<void>;
}

interface WriterOptions extends Pick<ExchangeOptions, 'stalledReaderMs' | 'clock'> {
  readonly signal: AbortSignal;
}

/** Writes an answer to a reader who has `stalledReaderMs` for every piece of it. */
function createWriter(incoming: Incoming, outgoing: Outgoing, options: WriterOptions): Writer {
  const { signal, stalledReaderMs, clock } = options;
  const write = async (piece: string | Uint8Array): Promise<void> => {
    signal.throwIfAborted();
    // Both kinds of answer are streams of Node; their `write` has two types that do not meet.
    const more = (outgoing as ServerResponse).write(piece);
    if (!more) await drained(outgoing, options);
  };
  const finish = (last?: Uint8Array): void => {
    if (last === undefined) outgoing.end();
    else outgoing.end(last);
    releaseStream(incoming, outgoing);
    if (outgoing.writableFinished) return;
    const cancel = clock.after(stalledReaderMs, () => {
      cutOff(outgoing);
    });
    outgoing.once('close', cancel);
  };
  return {
    write,
    finish,
    async deliver(body) {
      let at = 0;
      try {
        for (; at + pieceBytes < body.length; at += pieceBytes) {
          await write(body.subarray(at, at + pieceBytes));
        }
        finish(body.subarray(at));
      } catch {
        // The client is gone, or was cut off: nobody is left to be told.
      }
    },
  };
}

/** Ends what nobody reads, so that it is not taken for a whole answer. */
function cutOff(outgoing: Outgoing): void {
  if ('stream' in outgoing) outgoing.stream.close(constants.NGHTTP2_CANCEL);
  else outgoing.destroy();
}

/**
 * A stream of HTTP/2 whose request was answered before it was complete would stay open until the client has said
 * the rest, which it may never do (RFC 9113, 8.1).
 */
function releaseStream(incoming: Incoming, outgoing: Outgoing): void {
  if (!('stream' in outgoing) || incoming.complete) return;
  const { stream } = outgoing;
  // The end of the answer is a frame of its own, and goes out first.
  stream.once('finish', () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)));
}

/** Waits for a reader; one that does not read for long is cut off, for its answer is held in memory. */
function drained(
  outgoing: Outgoing,
  { signal, stalledReaderMs, clock }: WriterOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      cancel();
      outgoing.removeListener('drain', onDrain);
      signal.removeEventListener('abort', onGone);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = (): void => {
      finish();
    };
    const onGone = (): void => {
      finish(signal.reason as Error);
    };
    const cancel = clock.after(stalledReaderMs, () => {
      cutOff(outgoing);
      finish(clientLeft());
    });
    outgoing.once('drain', onDrain);
    signal.addEventListener('abort', onGone, { once: true });
    if (signal.aborted) onGone();
  });
}
