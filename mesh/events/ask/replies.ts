import { Status } from '../../../gen/google/rpc/status.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import { undecodable } from '../consume/blame.ts';
import type { EventContext, EventHandler } from '../consume/handler.ts';
import type { Ask, Asks, StoredAnswer } from './asks.ts';
import type { ReplyHandler } from './on-reply.ts';
import { timeoutType } from './timeouts.ts';

export interface RepliesParts<DB> {
  readonly asks: Asks<DB>;
  readonly store: Store<DB>;
  /** By the type of the request; the map may grow. */
  readonly handlers: ReadonlyMap<string, ReplyHandler<DB>>;
  /** Called when a question that is awaited in a process has ended. */
  readonly onEnd: (askId: string) => void;
}

/**
 * Takes whatever comes back to this service, replies, refusals and the end of waiting alike, and ends the
 * question that it belongs to: in one transaction with the handler, and once. What comes after the end is
 * passed over.
 */
export function takeReplies<DB>(parts: RepliesParts<DB>): EventHandler<DB> {
  return {
    typeName: 'a reply',
    decode: (body) => async (context) => {
      if (context.type === timeoutType) await end(parts, context.causationId ?? '', context);
      else await answer(parts, body, context);
      return undefined;
    },
  };
}

async function answer<DB>(
  parts: RepliesParts<DB>,
  body: Uint8Array,
  context: EventContext<DB>,
): Promise<void> {
  const { tx, id, source, type, causationId = '' } = context;
  const refused = type === Status.$type;
  const answered: StoredAnswer = { id, source, refused, body };
  const ask = await parts.asks.answer(tx, causationId, answered);
  if (ask === undefined) return;
  if (!refused && type !== ask.replyType) throw unexpected(type, ask);
  if (ask.awaited || ask.wanted === 1) {
    await end(parts, ask.id, context);
    return;
  }
  const answers = await parts.asks.answers(tx, ask.id);
  if (handlerOf(parts, ask).isEnough(ask, answers)) await end(parts, ask.id, context);
}

async function end<DB>(
  parts: RepliesParts<DB>,
  askId: string,
  context: EventContext<DB>,
): Promise<void> {
  const { tx } = context;
  const ask = await parts.asks.close(tx, askId);
  if (ask === undefined) return;
  if (ask.awaited) {
    tellAfterCommit(parts, tx, askId);
    return;
  }
  const answers = await parts.asks.answers(tx, askId);
  await handlerOf(parts, ask).handle(ask, answers, context);
}

function tellAfterCommit<DB>(
  { store, onEnd }: RepliesParts<DB>,
  tx: Transaction<DB>,
  askId: string,
): void {
  store.onCommit(tx, () => {
    onEnd(askId);
  });
}

function handlerOf<DB>({ handlers }: RepliesParts<DB>, { requestType, id }: Ask): ReplyHandler<DB> {
  const handler = handlers.get(requestType);
  if (handler !== undefined) return handler;
  // After the last try it is a dead letter, which can be replayed to a version that has the handler.
  throw new MeshError(
    `nobody here handles what ${requestType} is answered with: give the consumer onReply or onAnswers for it (ask ${id})`,
    { status: 'FAILED_PRECONDITION', reason: 'NO_REPLY_HANDLER' },
  );
}

function unexpected(type: string, { requestType, replyType }: Ask): MeshError {
  return new MeshError(`${requestType} is replied with ${replyType}, and this is ${type}`, {
    ...{ status: 'DATA_LOSS', reason: undecodable },
  });
}
