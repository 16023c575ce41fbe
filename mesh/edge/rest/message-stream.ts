import type { JsonValue } from '@bufbuild/protobuf';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { statusJson } from '../error-body.ts';
import type { Exchange } from '../exchange.ts';

/** How the messages of a stream are told apart in one answer. */
interface Framing {
  readonly contentType: string;
  message(json: JsonValue): string;
  error(json: unknown): string;
  readonly end: string;
  /** Says nothing, and so finds out whether the reader is still there. */
  readonly heartbeat: string;
}

/** Server-sent events (WHATWG HTML, 9.2): what EventSource of a browser reads. */
const events: Framing = {
  contentType: 'text/event-stream',
  message: (json) => `data: ${JSON.stringify(json)}\n\n`,
  // Not "error": that is what EventSource calls a lost connection.
  error: (json) => `event: status\ndata: ${JSON.stringify(json)}\n\n`,
  // Without it an EventSource would connect again, and read everything once more.
  end: 'event: end\ndata: {}\n\n',
  heartbeat: ': still here\n\n',
};

/** A line of JSON for each message: `{"result": …}`, and `{"error": …}` where it ends badly. */
const lines: Framing = {
  contentType: 'application/x-ndjson',
  message: (json) => `${JSON.stringify({ result: json })}\n`,
  error: (json) => `${JSON.stringify({ error: json })}\n`,
  end: '',
  heartbeat: '\n',
};

/** How long a stream may say nothing, in ms: proxies give up after 30 to 60 s of silence. */
const heartbeatMs = 15_000;

/** The way of telling messages apart that the caller wants; lines, unless it asks for events. */
export function framingFor(accept: string | undefined): Framing {
  return (accept ?? '').includes(events.contentType) ? events : lines;
}

/**
 * Answers with a stream. A failure before the first message is thrown, so that it gets a status of its own; a
 * later one is the last thing said.
 */
export async function answerStream(
  messages: AsyncIterable<JsonValue>,
  exchange: Exchange,
  { accept, clock }: { readonly accept: string | undefined; readonly clock: Clock },
): Promise<void> {
  const framing = framingFor(accept);
  const iterator = messages[Symbol.asyncIterator]();
  const quiet = heartbeats(exchange, framing, clock);
  try {
    let next = await iterator.next();
    exchange.open(200, { 'content-type': framing.contentType, 'cache-control': 'no-store' });
    quiet.begin();
    while (next.done !== true) {
      await exchange.write(framing.message(next.value));
      next = await iterator.next();
    }
    if (framing.end !== '') await exchange.write(framing.end);
    exchange.end();
  } catch (thrown) {
    if (!exchange.begun || exchange.signal.aborted) throw thrown;
    await exchange.write(framing.error(statusJson(MeshError.from(thrown))));
    exchange.end();
  } finally {
    quiet.stop();
    await iterator.return?.();
  }
}

function heartbeats(
  exchange: Exchange,
  { heartbeat }: Framing,
  clock: Clock,
): { begin(): void; stop(): void } {
  let cancel = (): void => undefined;
  function begin(): void {
    cancel = clock.after(heartbeatMs, () => {
      exchange.write(heartbeat).then(begin, () => undefined);
    });
  }
  return { begin, stop: () => cancel() };
}
