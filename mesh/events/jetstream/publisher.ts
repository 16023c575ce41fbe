import { createInbox, type Msg, MsgHdrsImpl, type NatsConnection } from 'nats';
import { aborted, type Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Outgoing, PublishOutcome } from '../bus/bus.ts';
import { fromApiError, fromNats, unavailable } from './error.ts';
import type { Link } from './link.ts';

/**
 * Publishes with acks that overlap. The client's own `js.publish` is a request with a promise and a timer of
 * its own for each message: 4 to 10 times slower. Here all acks come to one inbox and are found in a table;
 * a batch has one promise and one timer.
 */
export interface Publisher {
  publish(messages: readonly Outgoing[], signal?: AbortSignal): Promise<readonly PublishOutcome[]>;
}

export interface PublisherOptions {
  readonly link: Link;
  /** Most messages sent and not yet acked. */
  readonly window: number;
  /** Longest silence of the server while acks are due, in ms. */
  readonly ackTimeoutMs: number;
  readonly connectWaitMs: number;
  readonly clock: Clock;
  /** The server knows no stream for this channel. */
  readonly onNoStream: (channel: string) => void;
}

interface Batch {
  readonly messages: readonly Outgoing[];
  readonly outcomes: (PublishOutcome | undefined)[];
  /** The token of its first message; message i has first + i. */
  readonly first: number;
  sent: number;
  open: number;
  /** Whether an ack came since the timer last looked. */
  progress: boolean;
  readonly end: () => void;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const machine = new PublisherMachine(options);
  return { publish: (messages, signal) => machine.publish(messages, signal) };
}

class PublisherMachine {
  #nextToken = 0;
  #inFlight = 0;
  #inbox: { readonly connection: NatsConnection; readonly subject: string } | undefined;
  readonly #byToken = new Map<number, Batch>();
  readonly #batches = new Set<Batch>();
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
    // Acks on their way are lost with the connection: whether those messages are stored is open.
    options.link.onChange(() => {
      if (options.link.current() !== undefined) return;
      for (const batch of [...this.#batches]) this.#giveUp(batch, 'the connection broke');
    });
  }

  async publish(
    messages: readonly Outgoing[],
    signal?: AbortSignal,
  ): Promise<readonly PublishOutcome[]> {
    if (messages.length === 0) return [];
    await this.#options.link.ready(this.#options.connectWaitMs, signal);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const batch: Batch = {
      messages,
      outcomes: new Array<PublishOutcome | undefined>(messages.length),
      first: this.#nextToken,
      ...{ sent: 0, open: messages.length, progress: true },
      end: () => {
        resolve(undefined);
      },
    };
    this.#nextToken += messages.length;
    this.#batches.add(batch);
    const stopWatch = this.#watch(batch);
    const onAbort = (): void => {
      this.#giveUp(batch, 'the caller gave up');
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#pump();
    await promise;
    stopWatch();
    signal?.removeEventListener('abort', onAbort);
    if (signal?.aborted) throw aborted(signal, 'publishing');
    return batch.outcomes.map((outcome) => outcome ?? lost);
  }

  /** Sends as much as the window allows, in order. */
  #pump(): void {
    const connection = this.#options.link.current();
    if (connection === undefined) return;
    const inbox = this.#inboxOf(connection);
    for (const batch of this.#batches) {
      while (batch.sent < batch.messages.length) {
        if (this.#inFlight >= this.#options.window) return;
        const index = batch.sent++;
        const message = batch.messages[index];
        if (message !== undefined) this.#send(connection, inbox, { batch, index, message });
      }
    }
  }

  #send(
    connection: NatsConnection,
    inbox: string,
    { batch, index, message }: { batch: Batch; index: number; message: Outgoing },
  ): void {
    const token = batch.first + index;
    this.#byToken.set(token, batch);
    this.#inFlight++;
    try {
      const reply = `${inbox}.${String(token)}`;
      connection.publish(message.subject, message.data, { reply, headers: headersOf(message) });
    } catch (thrown) {
      this.#settle(token, { stored: false, error: fromNats(thrown, message.subject) });
    }
  }

  #inboxOf(connection: NatsConnection): string {
    if (this.#inbox?.connection !== connection) {
      const subject = createInbox();
      connection.subscribe(`${subject}.*`, {
        callback: (_, msg) => {
          this.#onAck(Number(msg.subject.slice(subject.length + 1)), msg);
        },
      });
      this.#inbox = { connection, subject };
    }
    return this.#inbox.subject;
  }

  #onAck(token: number, msg: Msg): void {
    const batch = this.#byToken.get(token);
    // Late: the batch was given up meanwhile.
    if (batch === undefined) return;
    const message = batch.messages[token - batch.first];
    this.#settle(token, outcomeOf(msg, message?.subject ?? ''));
    if (msg.data.length === 0 && message !== undefined) this.#options.onNoStream(message.channel);
    this.#pump();
  }

  #settle(token: number, outcome: PublishOutcome): void {
    const batch = this.#byToken.get(token);
    if (batch === undefined) return;
    this.#byToken.delete(token);
    this.#inFlight--;
    batch.outcomes[token - batch.first] = outcome;
    batch.progress = true;
    batch.open--;
    if (batch.open > 0) return;
    this.#batches.delete(batch);
    batch.end();
  }

  /** Ends a batch as it stands; what has no outcome is open. */
  #giveUp(batch: Batch, why: string): void {
    const error = unavailable('publishing', why);
    for (let index = 0; index < batch.messages.length; index++) {
      if (batch.outcomes[index] !== undefined) continue;
      batch.outcomes[index] = { stored: false, error };
      if (this.#byToken.delete(batch.first + index)) this.#inFlight--;
    }
    this.#batches.delete(batch);
    batch.end();
    this.#pump();
  }

  #watch(batch: Batch): () => void {
    const { clock, ackTimeoutMs } = this.#options;
    let cancel = (): void => undefined;
    const look = (): void => {
      if (!batch.progress) {
        this.#giveUp(batch, `nats-server has not answered for ${String(ackTimeoutMs)} ms`);
        return;
      }
      batch.progress = false;
      cancel = clock.after(ackTimeoutMs, look);
    };
    look();
    return () => {
      cancel();
    };
  }
}

const lost: PublishOutcome = {
  stored: false,
  error: unavailable('publishing', 'the outcome was lost'),
};

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

function headersOf({ id, headers }: Outgoing): EncodedHeaders {
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

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

interface PubAck {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: {
    readonly code: number;
    readonly err_code?: number;
    readonly description: string;
  };
}

function outcomeOf(msg: Msg, subject: string): PublishOutcome {
  // No stream listens: it is being recovered, or it was deleted.
  if (msg.data.length === 0) {
    return { stored: false, error: unavailable(subject, 'no stream takes it (no responders)') };
  }
  const plain = plainAck.exec(textOf(msg.data));
  if (plain !== null) return { stored: true, sequence: Number(plain[1]), duplicate: false };
  const { seq = 0, duplicate = false, error } = msg.json<PubAck>();
  if (error !== undefined) return { stored: false, error: fromApiError(error, subject) };
  return { stored: true, sequence: seq, duplicate };
}
