import { createInbox, type Msg, type NatsConnection } from 'nats';
import { aborted, type Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Outgoing, PublishOutcome } from '../bus/bus.ts';
import { fromNats, unavailable } from './error.ts';
import { createKeyQueues } from './key-queues.ts';
import type { Link } from './link.ts';
import { headersOf, outcomeOf } from './message.ts';

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
  /** How many of its messages were sent, or wait for another of their key. */
  taken: number;
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
  /** Messages that were taken up and whose fate is open. */
  readonly #byToken = new Map<number, Batch>();
  /** Those of them that wait for another of their key. */
  readonly #waiting = new Set<number>();
  readonly #keys = createKeyQueues();
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
      ...{ taken: 0, open: messages.length, progress: true },
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

  /** Sends as much as the window allows, in order; what waits for another of its key is sent after that one. */
  #pump(): void {
    const connection = this.#options.link.current();
    if (connection === undefined) return;
    for (const batch of this.#batches) {
      while (batch.taken < batch.messages.length) {
        if (this.#inFlight >= this.#options.window) return;
        const token = batch.first + batch.taken++;
        this.#byToken.set(token, batch);
        const key = keyOf(messageOf(batch, token));
        if (key === undefined || this.#keys.enter(key, token)) this.#send(connection, token);
        else this.#waiting.add(token);
      }
    }
  }

  #send(connection: NatsConnection, token: number): void {
    const batch = this.#byToken.get(token);
    const message = batch && messageOf(batch, token);
    if (message === undefined) return;
    this.#inFlight++;
    try {
      const reply = `${this.#inboxOf(connection)}.${String(token)}`;
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
    const message = messageOf(batch, token);
    this.#settle(token, outcomeOf(msg, message?.subject ?? ''));
    if (msg.data.length === 0 && message !== undefined) this.#options.onNoStream(message.channel);
    this.#pump();
  }

  /** Notes the fate of a message; the one that waited for it is sent, or held back with all behind it. */
  #settle(token: number, outcome: PublishOutcome): void {
    let next = this.#end(token, outcome);
    const connection = this.#options.link.current();
    if (outcome.stored && connection !== undefined) {
      if (next !== undefined && this.#waiting.delete(next)) this.#send(connection, next);
      return;
    }
    while (next !== undefined) next = this.#end(next, heldBack);
  }

  /** Notes the fate of one message; gives the one that waited for it. */
  #end(token: number, outcome: PublishOutcome): number | undefined {
    const batch = this.#byToken.get(token);
    if (batch === undefined) return undefined;
    this.#byToken.delete(token);
    if (!this.#waiting.delete(token)) this.#inFlight--;
    batch.outcomes[token - batch.first] = outcome;
    batch.progress = true;
    batch.open--;
    if (batch.open === 0) {
      this.#batches.delete(batch);
      batch.end();
    }
    const key = keyOf(messageOf(batch, token));
    return key === undefined ? undefined : this.#keys.leave(key, token);
  }

  /** Ends a batch as it stands; what has no outcome is open. */
  #giveUp(batch: Batch, why: string): void {
    const error = unavailable('publishing', why);
    const { first, taken } = batch;
    this.#batches.delete(batch);
    for (let index = taken; index < batch.messages.length; index++) {
      batch.outcomes[index] = { stored: false, error };
    }
    for (let token = first; token < first + taken; token++) {
      this.#settle(token, { stored: false, error });
    }
    batch.end();
    this.#pump();
  }

  /** Whether the server has yet to answer for any: what waits for its turn is not its debt. */
  #owed({ first, taken }: Batch): boolean {
    for (let token = first; token < first + taken; token++) {
      if (this.#byToken.has(token) && !this.#waiting.has(token)) return true;
    }
    return false;
  }

  #watch(batch: Batch): () => void {
    const { clock, ackTimeoutMs } = this.#options;
    let cancel = (): void => undefined;
    const look = (): void => {
      if (!batch.progress && this.#owed(batch)) {
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

const heldBack: PublishOutcome = {
  stored: false,
  error: new MeshError('not sent: the one before it, of the same key, is not stored', {
    status: 'ABORTED',
    reason: 'HELD_BACK',
  }),
};

function messageOf(batch: Batch, token: number): Outgoing | undefined {
  return batch.messages[token - batch.first];
}

/** What puts a message in a row with others; undefined when it waits for none. */
function keyOf(message: Outgoing | undefined): string | undefined {
  return message?.key ? `${message.channel} ${message.key}` : undefined;
}
