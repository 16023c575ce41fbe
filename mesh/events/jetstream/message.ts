import { type Msg, MsgHdrsImpl } from 'nats';
import { MeshError } from '../../kernel/error.ts';
import type { Outgoing, PublishOutcome } from '../bus/bus.ts';
import { fromApiError, unavailable } from './error.ts';

/** Headers as they stand on the wire, in the place where the client expects its own: it would encode them again. */
class EncodedHeaders extends MsgHdrsImpl {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  override encode(): Uint8Array {
    return this.#bytes;
  }
}

/** The headers of a message with its id among them. Throws INVALID_ARGUMENT/MESSAGE_REFUSED for a line break. */
export function headersOf({ id, headers }: Outgoing): MsgHdrsImpl {
  let lines = `NATS/1.0\r\n${headerLine('Nats-Msg-Id', id)}`;
  for (const name in headers) lines += headerLine(name, headers[name] ?? '');
  return new EncodedHeaders(Buffer.from(`${lines}\r\n`));
}

function headerLine(name: string, value: string): string {
  // The client's own check costs five times as much; this is the part that matters.
  if (lineBreak.test(value)) throw new MeshError(`the header ${name} has a line break`, refused);
  return `${name}: ${value}\r\n`;
}

const lineBreak = /[\r\n]/;
const refused = { status: 'INVALID_ARGUMENT', reason: 'MESSAGE_REFUSED' } as const;

// What nearly every ack is; reading it as JSON costs three times as much.
const plainAck = /^\{"stream":"[^"]*",\s*"seq":(\d+)\}$/;

interface PubAck {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: {
    readonly code: number;
    readonly err_code?: number;
    readonly description: string;
  };
}

/** What an ack says of the message that was sent to `subject`. */
export function outcomeOf(ack: Msg, subject: string): PublishOutcome {
  // No stream listens: it is being recovered, or it was deleted.
  if (ack.data.length === 0) {
    return { stored: false, error: unavailable(subject, 'no stream takes it (no responders)') };
  }
  const plain = plainAck.exec(textOf(ack.data));
  if (plain !== null) return { stored: true, sequence: Number(plain[1]), duplicate: false };
  const { seq = 0, duplicate = false, error } = ack.json<PubAck>();
  if (error !== undefined) return { stored: false, error: fromApiError(error, subject) };
  return { stored: true, sequence: seq, duplicate };
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
