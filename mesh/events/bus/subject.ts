import { createHash } from 'node:crypto';
import { checkToken, isToken } from '../../kernel/names.ts';
import type { EventOptions } from '../../schema/events.ts';

/** Where messages of one type travel, as the schema says it (schema/events.ts). */
export type Route = Pick<EventOptions, 'kind' | 'channel' | 'partitions'>;

/**
 * The subject of a message: "<channel>.<Type>", where the type is the last part of the full name, so
 * "shop.orders.v1.OrderConfirmed" on "shop-orders" travels as "shop-orders.OrderConfirmed". Versions of a
 * type share a subject; the full name is in the header ce-type. On a channel with partitions it is
 * "<channel>.<partition>.<Type>", and `key` finds the partition. That of a document is
 * "<channel>.<Type>.<key>", so that the channel can keep the latest of each.
 */
export function subjectOf(route: Route, typeName: string, key: string): string {
  const { channel, partitions, kind } = route;
  if (kind === 'document') return join(channel, typeToken(typeName), keyToken(key));
  if (partitions === 0) return join(channel, typeToken(typeName));
  return join(channel, String(partitionOf(key, partitions)), typeToken(typeName));
}

/** The subjects of a type, of documents for all keys, in one partition or, by default, in all. */
export function filterOf(
  { channel, partitions, kind }: Route,
  typeName: string,
  partition: number | '*' = '*',
): string {
  if (kind === 'document') return join(channel, typeToken(typeName), '*');
  if (partitions === 0) return join(channel, typeToken(typeName));
  return join(channel, String(partition), typeToken(typeName));
}

/** The filter that `filterOf` gave, for any subject of its. */
export function filterOfSubject(subject: string): string {
  const [channel = '', second = '', third] = subject.split('.');
  if (third === undefined) return subject;
  // No type begins with a digit.
  return /^\d/.test(second) ? `${channel}.*.${third}` : `${channel}.${second}.*`;
}

/** Whether a subject is among those of a filter, in which "*" stands for any one token. */
export function matches(filter: string, subject: string): boolean {
  if (filter === subject) return true;
  const tokens = subject.split('.');
  const wanted = filter.split('.');
  return (
    wanted.length === tokens.length &&
    wanted.every((token, i) => token === '*' || token === tokens[i])
  );
}

/**
 * The partition of a key, from 0: FNV-1a (32 bits) of its UTF-8, modulo `partitions`. It is what the subject
 * transform partition() of nats-server computes for the same key, so that streams which the server
 * partitions and those which weft does agree. Source: nats-server, subject_transform.go.
 */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}

/** A subject without its type: "<channel>", or "<channel>.<partition>". What is kept in order is of one place. */
export function placeOf(subject: string): string {
  return subject.slice(0, subject.lastIndexOf('.'));
}

/** The channel of a subject. */
export function channelOf(subject: string): string {
  return subject.split('.', 1)[0] ?? subject;
}

/** Where replies travel: "weft-replies.<service that asked>.<Type>". */
export const replyChannel = 'weft-replies';

/** Where a reply to a service travels. */
export function replyAddress(
  service: string,
  typeName: string,
): { channel: string; subject: string } {
  const to = checkToken(service, 'a service');
  return { channel: replyChannel, subject: join(replyChannel, to, typeToken(typeName)) };
}

/** The subjects of all replies to a service. */
export function replyFilter(service: string): string {
  return join(replyChannel, checkToken(service, 'a service'), '*');
}

function join(channel: string, ...tokens: readonly string[]): string {
  return [checkToken(channel, 'a channel'), ...tokens].join('.');
}

function typeToken(typeName: string): string {
  return checkToken(typeName.slice(typeName.lastIndexOf('.') + 1), 'a type in a subject');
}

/** A key may be anything, a token not: what is none stands for itself as a hash, which cannot be a token. */
function keyToken(key: string): string {
  return isToken(key) ? key : `=${createHash('sha256').update(key).digest('base64url')}`;
}
