import type { Msg } from 'nats';
import type { Headers } from '../bus/bus.ts';

/** The headers of a message, read no further than somebody asks. */
export interface LazyHeaders {
  /** In lower case, of each name the first value; without what the server and its clients say among themselves ("Nats-..."). */
  all(): Headers;
  /** One of them, by its lower-case name. */
  one(name: string): string | undefined;
}

/**
 * Every message has ten headers, and to read them the client's way (a Map, arrays and a canonical name for each
 * line) costs as much as all the rest of its way.
 */
export function lazyHeaders(msg: Msg): LazyHeaders {
  return new MessageHeaders(msg);
}

/** A class, because there is one for every message. */
class MessageHeaders implements LazyHeaders {
  readonly #msg: Msg;
  #block: string | undefined = undefined;
  #all: Headers | undefined = undefined;

  constructor(msg: Msg) {
    this.#msg = msg;
  }

  all(): Headers {
    if (this.#all !== undefined) return this.#all;
    const block = this.#text();
    this.#all = block === '' ? slowly(this.#msg) : linesOf(block);
    return this.#all;
  }

  one(name: string): string | undefined {
    if (this.#all !== undefined) return this.#all[name];
    const block = this.#text();
    const found = block.indexOf(needleOf(name));
    // Absent, or written in another way.
    if (found < 0) return this.all()[name];
    const start = found + name.length + 4;
    return block.slice(start, block.indexOf('\r\n', start)).trim();
  }

  #text(): string {
    this.#block ??= blockOf(this.#msg) ?? '';
    return this.#block;
  }
}

const needles = new Map<string, string>();

/** How a line begins. Put together once: the names that somebody asks for are few. */
function needleOf(name: string): string {
  let needle = needles.get(name);
  if (needle === undefined) {
    needle = `\r\n${name}: `;
    needles.set(name, needle);
  }
  return needle;
}

function linesOf(block: string): Headers {
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
  const block = memoryOf(data).toString('utf8', start, start + length);
  return block.startsWith(firstLine) && block.endsWith('\r\n\r\n') ? block : undefined;
}

// A piece of the socket holds a hundred messages; a view for each would cost as much as its headers.
let memory: Buffer = Buffer.alloc(0);

/** All of the memory in which `data` stands. */
function memoryOf({ buffer }: Uint8Array): Buffer {
  if (memory.buffer !== buffer) memory = Buffer.from(buffer);
  return memory;
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
