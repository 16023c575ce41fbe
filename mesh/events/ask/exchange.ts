import { MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { EventKind, EventOptions } from '../../schema/events.ts';
import type { Image } from '../../schema/image.ts';
import { eventOptions } from '../outbox/publish.ts';

/** A message and what it is replied with; made by `exchange`. */
export interface Exchange<Q extends object, A extends object> {
  /** What is asked. */
  readonly request: MessageType<Q>;
  /** What is answered. */
  readonly reply: MessageType<A>;
}

/**
 * Names the two types of a request and its reply once, for whoever asks and whoever replies:
 * `exchange(PrepareDish, DishReady)`. That the schema says the same is checked when it is used: generated
 * types do not know each other.
 */
export function exchange<Q extends object, A extends object>(
  request: MessageType<Q>,
  reply: MessageType<A>,
): Exchange<Q, A> {
  return { request, reply };
}

/** The names of the two types. */
export interface ExchangeNames {
  readonly request: string;
  readonly reply: string;
}

export function namesOf<Q extends object, A extends object>({
  request,
  reply,
}: Exchange<Q, A>): ExchangeNames {
  return { request: request.$type, reply: reply.$type };
}

/**
 * What the schema says of the request. INVALID_ARGUMENT / NOT_AN_EXCHANGE unless it is replied with that
 * type, and, where `kind` is given, of that kind.
 */
export function checkExchange(
  image: Pick<Image, 'event'>,
  { request, reply }: ExchangeNames,
  kind?: EventKind,
): EventOptions {
  const event = eventOptions(image, request);
  if (event.reply !== reply) {
    const said = event.reply === undefined ? 'has no reply' : `is replied with ${event.reply}`;
    throw refused(`${request} ${said} in the schema, not ${reply}`);
  }
  if (kind !== undefined && event.kind !== kind) {
    const verb = event.kind === 'command' ? 'ask' : 'gather';
    throw refused(`${request} is of kind ${event.kind}: use ${verb}`);
  }
  return event;
}

function refused(message: string): MeshError {
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason: 'NOT_AN_EXCHANGE' });
}
