import { checkToken } from '../../kernel/names.ts';
import type { Channel } from './bus.ts';

/**
 * The subject of an event: "<channel>.<TypeName>", where the type name is the last part of the full one, so
 * "shop.orders.v1.OrderConfirmed" on "shop-orders" travels as "shop-orders.OrderConfirmed". Versions of a
 * type share a subject; the full name is in the header ce-type.
 */
export function subjectOf(channel: string, typeName: string): string {
  const name = typeName.slice(typeName.lastIndexOf('.') + 1);
  return `${checkToken(channel, 'a channel')}.${checkToken(name, 'a type in a subject')}`;
}

/** The channel of a subject. */
export function channelOf(subject: string): string {
  return subject.split('.', 1)[0] ?? subject;
}

/** Where what could not be handled goes; kept longer than events, for it waits for a person. */
export const deadLetters: Channel = {
  name: 'weft-dead-letters',
  maxAgeMs: 30 * 24 * 3600 * 1000,
};

/** "weft-dead-letters.<channel>.<consumer>". */
export function deadLetterSubject(channel: string, consumer: string): string {
  const tokens = [checkToken(channel, 'a channel'), checkToken(consumer, 'a consumer')];
  return [deadLetters.name, ...tokens].join('.');
}
