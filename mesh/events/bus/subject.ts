import { checkToken } from '../../kernel/names.ts';

/** Where events of one kind travel, as the schema says it (schema/options.ts). */
export interface Route {
  readonly channel: string;
  /** 0: the channel is not divided. */
  readonly partitions: number;
}

/**
 * The subject of an event: "<channel>.<Type>", where the type is the last part of the full name, so
 * "shop.orders.v1.OrderConfirmed" on "shop-orders" travels as "shop-orders.OrderConfirmed". Versions of a
 * type share a subject; the full name is in the header ce-type. On a channel with partitions it is
 * "<channel>.<partition>.<Type>", and `key` finds the partition.
 */
export function subjectOf({ channel, partitions }: Route, typeName: string, key: string): string {
  const partition = partitions > 0 ? partitionOf(key, partitions) : undefined;
  return join(channel, partition, typeName);
}

/**
 * The subjects of a type, in one partition or, by default, in all: what a consumer asks for. A type that
 * travels undivided has one subject.
 */
export function filterOf(
  { channel, partitions }: Route,
  typeName: string,
  partition: number | '*' = '*',
): string {
  return join(channel, partitions > 0 ? partition : undefined, typeName);
}

/** The filter for all partitions that a subject belongs to. */
export function filterOfSubject(subject: string): string {
  const [channel, partition, type] = subject.split('.');
  return type === undefined ? subject : [channel, partition && '*', type].join('.');
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

/** The channel of a subject. */
export function channelOf(subject: string): string {
  return subject.split('.', 1)[0] ?? subject;
}

function join(channel: string, partition: number | '*' | undefined, typeName: string): string {
  const name = typeName.slice(typeName.lastIndexOf('.') + 1);
  const ends = [checkToken(channel, 'a channel'), checkToken(name, 'a type in a subject')] as const;
  return partition === undefined ? ends.join('.') : ends.join(`.${partition}.`);
}
