import type { Msg } from 'nats';
import type { Headers } from '../bus/bus.ts';

/**
 * The headers of a message that came, in lower case, of each name the first value. What the server and its
 * clients say among themselves ("Nats-...") is not part of the message.
 *
 * The client's own reader costs several times as much (a Map, arrays and a canonical name for each line), and
 * every message has ten of them.
 */
export function headersOf(msg: Msg): Headers {
  const block = blockOf(msg);
  if (block === undefined) return slowly(msg);
  const headers: Record<string, string> = {};
  let at = block.indexOf('\r\n') + 2;
  for (let end = block.indexOf('\r\n', at); end > at; end = block.indexOf('\r\n', at)) {
    const colon = block.indexOf(':', at);
    if (colon > at && colon < end) {
      const name = block.slice(at, colon).toLowerCase();
      if (!name.startsWith('nats-')) headers[name] ??= block.slice(colon + 1, end).trim();
    }
    at = end + 2;
  }
  return headers;
}

const firstLine = 'NATS/1.0\r\n';

/**
 * The headers as they came. The client shows them only parsed, but its sizes tell where they are: before the
 * data, in the same memory. Undefined when that is not so, or a status stands in the first line.
 */
function blockOf(msg: Msg): string | undefined {
  const { data, subject, reply = '' } = msg;
  const length = sizeOf(msg) - subject.length - reply.length - data.length;
  const start = data.byteOffset - length;
  if (length < firstLine.length || start < 0) return undefined;
  const block = Buffer.from(data.buffer, start, length).toString();
  return block.startsWith(firstLine) && block.endsWith('\r\n\r\n') ? block : undefined;
}

/** Of subjects, headers and data together; the client's messages tell it, its types do not. */
function sizeOf(msg: Msg & { readonly size?: () => number }): number {
  return msg.size?.() ?? 0;
}

function slowly({ headers }: Msg): Headers {
  const record: Record<string, string> = {};
  for (const [name, [value]] of headers ?? []) {
    const lower = name.toLowerCase();
    if (value !== undefined && !lower.startsWith('nats-')) record[lower] = value;
  }
  return record;
}
