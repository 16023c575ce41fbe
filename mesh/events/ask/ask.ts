import { type Clock } from '../../kernel/clock.ts';
import { currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { EventKind } from '../../schema/events.ts';
import type { Image } from '../../schema/image.ts';
import type { Transaction } from '../../store/sql.ts';
import { contextHeaders } from '../envelope.ts';
import { addressOf } from '../outbox/publish.ts';
import type { Write } from '../outbox/write.ts';
import type { Asks } from './asks.ts';
import { checkExchange, type Exchange, namesOf } from './exchange.ts';

export interface AskOptions {
  /** How long the answer is of use, in ms; the request expires with it. */
  readonly timeoutMs: number;
}

export interface GatherOptions extends AskOptions {
  /** How many answers are enough. Default: as many as come in time. */
  readonly wanted?: number;
}

/** What `open` is told beside the message. */
export interface Question {
  readonly timeoutMs: number;
  readonly kind: EventKind;
  readonly wanted: number;
  readonly awaited: boolean;
}

export interface OpenerParts<DB> {
  readonly image: Pick<Image, 'event'>;
  readonly source: string;
  readonly write: Write<DB>;
  readonly asks: Asks<DB>;
  readonly clock: Clock;
}

/** Writes a request and the question that waits for its answer, in one transaction; resolves with its id. */
export type OpenAsk<DB> = <Q extends object, A extends object>(
  tx: Transaction<DB>,
  exchange: Exchange<Q, A>,
  message: Q,
  question: Question,
) => Promise<string>;

// Timers and dates end at some point; a question that lives longer is a process of its own.
const longestMs = 30 * 24 * 3600 * 1000;

export function createOpener<DB>(parts: OpenerParts<DB>): OpenAsk<DB> {
  const { image, source, write, asks, clock } = parts;
  return async (tx, exchange, message, { timeoutMs, kind, wanted, awaited }) => {
    const names = namesOf(exchange);
    const event = checkExchange(image, names, kind);
    if (!(timeoutMs > 0 && timeoutMs <= longestMs)) throw badTimeout(timeoutMs);
    const { request: type } = exchange;
    const expiresMs = Math.ceil(clock.now() + timeoutMs);
    const address = addressOf(event, type, message);
    const id = await write(tx, { type, message, ...address, replyTo: source, expiresMs });
    const context = currentContext();
    await asks.open(tx, {
      ...{ id, correlationId: context.cause?.correlationId ?? id },
      headers: contextHeaders(context),
      ...{ requestType: names.request, replyType: names.reply },
      ...{ request: type.encode(message).finish(), wanted, awaited, expiresMs },
    });
    return id;
  };
}

function badTimeout(timeoutMs: number): MeshError {
  return new MeshError(
    `timeoutMs ${timeoutMs} is no time to wait for a reply: say more than 0 and at most ${longestMs} (30 days)`,
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_TIMEOUT' },
  );
}
