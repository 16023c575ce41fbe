import type { Baggage } from '../../kernel/baggage.ts';
import type { Cause, Context, TraceContext } from '../../kernel/context.ts';
import type { ReadMessage } from '../bus/bus.ts';
import { channelOf } from '../bus/subject.ts';
import { type Envelope, fromHeaders } from '../envelope.ts';
import { type Received, receive } from '../received.ts';

/** What a reader is told beside the message. */
export interface ReadFacts {
  /** Its place in the channel: a reading from the next one (`from: sequence + 1`) goes on behind it. */
  readonly sequence: number;
  /** Unique among the messages of its source. */
  readonly id: string;
  /** The value of its key field. */
  readonly key: string;
  /** The service that published it. */
  readonly source: string;
  /** When it was published, wall ms of the publisher. */
  readonly timeMs: number;
  /** The span that published it. */
  readonly trace: TraceContext | undefined;
  /** What the work that published it was told of its circumstances. */
  readonly baggage: Baggage | undefined;
  /** The id of the conversation; its own id where it began one. */
  readonly correlationId: string;
  /** Aborts when the reading is closed. */
  readonly signal: AbortSignal;
}

/** What a message is, by as few of its headers as tell it. */
export function unreadOf(message: ReadMessage): {
  readonly type: string;
  readonly body: Received['body'];
  readonly envelope: Envelope | undefined;
} {
  if (message.header('content-type') === 'application/protobuf') {
    const type = message.header('ce-type') ?? '';
    return { type, body: { bytes: message.data }, envelope: undefined };
  }
  const { envelope, body } = receive(message);
  return { type: envelope?.type ?? '', body, envelope };
}

/** What a reader is told, and what its calls inherit; read from the headers when somebody asks. */
export class LazyFacts implements ReadFacts, Context {
  readonly sequence: number;
  readonly signal: AbortSignal;
  readonly #message: ReadMessage;
  #envelope: Envelope | undefined;

  constructor(message: ReadMessage, envelope: Envelope | undefined, signal: AbortSignal) {
    this.sequence = message.sequence;
    this.signal = signal;
    this.#message = message;
    this.#envelope = envelope;
  }

  get id(): string {
    return this.#read().id;
  }

  get key(): string {
    return this.#read().key;
  }

  get source(): string {
    return this.#read().source;
  }

  get timeMs(): number {
    return this.#read().timeMs;
  }

  get trace(): TraceContext | undefined {
    return this.#read().trace;
  }

  get baggage(): Baggage | undefined {
    return this.#read().baggage;
  }

  get correlationId(): string {
    const { id, correlationId = id } = this.#read();
    return correlationId;
  }

  get cause(): Cause {
    const { id, correlationId } = this;
    return { id, correlationId };
  }

  #read(): Envelope {
    this.#envelope ??= fromHeaders(this.#message.headers) ?? nameless(this.#message);
    return this.#envelope;
  }
}

/** Without a usable id of its own a message is still known by its place. */
function nameless({ subject, sequence }: ReadMessage): Envelope {
  const id = `${channelOf(subject)}/${String(sequence)}`;
  return { id, type: '', source: '', timeMs: 0, key: '' };
}
