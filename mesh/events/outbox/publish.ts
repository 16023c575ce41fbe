import { MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import type { EventKind, EventOptions } from '../../schema/events.ts';
import type { Image } from '../../schema/image.ts';
import type { Transaction } from '../../store/sql.ts';
import { subjectOf } from '../bus/subject.ts';
import type { Write } from './write.ts';

export interface SendOptions {
  /**
   * When nobody wants it any more, in wall ms. Handlers have it as their deadline, and whoever gets it later
   * does not handle it. Default: never.
   */
  readonly expiresAt?: number;
  /**
   * When it leaves, in wall ms; the relay may be late by its poll interval. Messages of the same key do not wait
   * for it. Default: with the commit, as for a time that is past.
   */
  readonly deliverAt?: number;
}

export type Publish<DB> = <T extends object>(
  tx: Transaction<DB>,
  type: MessageType<T>,
  message: T,
  options?: SendOptions,
) => Promise<string>;

/** As `Publish`, for commands. */
export type Send<DB> = Publish<DB>;

interface Parts<DB> {
  readonly image: Pick<Image, 'event'>;
  readonly write: Write<DB>;
}

/** Publishes events and documents: whoever wants them hears them. */
export function createPublish<DB>({ image, write }: Parts<DB>): Publish<DB> {
  return async (tx, type, message, options = {}) => {
    const event = eventOptions(image, type.$type);
    if (event.kind === 'command') throw wrongVerb(type.$type, 'send', 'NOT_AN_EVENT', event);
    return write(tx, { type, message, ...addressOf(event, type, message), ...times(options) });
  };
}

/** Sends commands: to the one service that handles them. */
export function createSend<DB>({ image, write }: Parts<DB>): Send<DB> {
  return async (tx, type, message, options = {}) => {
    const event = eventOptions(image, type.$type);
    if (event.kind !== 'command') throw wrongVerb(type.$type, 'publish', 'NOT_A_COMMAND', event);
    return write(tx, { type, message, ...addressOf(event, type, message), ...times(options) });
  };
}

/** Where a message travels. */
export function addressOf<T extends object>(
  event: EventOptions,
  type: MessageType<T>,
  message: T,
): { channel: string; subject: string; key: string } {
  const key = keyOf(message, event.keyField);
  return { channel: event.channel, subject: subjectOf(event, type.$type, key), key };
}

/** What the schema says of a type; throws for one that does not travel. */
export function eventOptions(image: Pick<Image, 'event'>, typeName: string): EventOptions {
  const event = image.event(typeName);
  if (event !== undefined) return event;
  throw new MeshError(
    `${typeName} is not an event: give the message the option (weft.v1.event) with a channel and a key, and run "make gen"`,
    { status: 'INVALID_ARGUMENT', reason: 'NOT_AN_EVENT' },
  );
}

function keyOf(message: object, keyField: string): string {
  const key: unknown = Reflect.get(message, keyField);
  return typeof key === 'string' ? key : '';
}

function times({ expiresAt, deliverAt }: SendOptions): { expiresMs?: number; notBefore?: number } {
  return {
    ...(expiresAt !== undefined && { expiresMs: expiresAt }),
    ...(deliverAt !== undefined && { notBefore: timeOf(deliverAt) }),
  };
}

/** The latest time that JavaScript's dates can name. */
const latest = 8.64e15;

function timeOf(deliverAt: number): number {
  if (deliverAt >= 0 && deliverAt <= latest) return Math.ceil(deliverAt);
  throw new MeshError(
    `deliverAt is ${String(deliverAt)}, and it is a time in wall ms, as clock.now() + 60_000`,
    { status: 'INVALID_ARGUMENT', reason: 'DELIVER_AT' },
  );
}

function wrongVerb(
  typeName: string,
  verb: 'publish' | 'send',
  reason: string,
  { kind }: { kind: EventKind },
): MeshError {
  const message = `${typeName} is ${kind === 'event' ? 'an' : 'a'} ${kind} (weft.v1.${kind}): ${verb} it`;
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason });
}
