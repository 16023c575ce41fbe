import { defaultTarget } from '../../schema/definition.ts';
import type { EventOptions } from '../../schema/events.ts';
import type { Image } from '../../schema/image.ts';
import { defaultMaxAgeMs, duplicateWindowMs } from '../bus/bus.ts';
import { replyChannel } from '../bus/subject.ts';
import { componentsOf, failureType, type Json, messageRef, messagesRef } from './components.ts';

export interface AsyncApiOptions {
  /** As "The shop". */
  readonly title: string;
  /** Of the contracts, as "1.4.0". */
  readonly version: string;
}

/**
 * The AsyncAPI 3.0 document of everything that travels between services: channels, messages with their bodies
 * and headers, and who sends, receives and replies, all read from the image. Subjects are written as
 * addresses with parameters; what AsyncAPI has no word for stands under `x-weft-`. Bodies are described as
 * proto3 JSON and travel in protobuf.
 */
export function asyncApiOf(image: Image, { title, version }: AsyncApiOptions): Json {
  const channels = Map.groupBy(image.events, ([, { channel }]) => channel);
  const replied = [...image.events.values()].flatMap(({ reply }) => reply ?? []);
  return {
    asyncapi: '3.0.0',
    info: {
      ...{ title, version },
      description:
        'Generated from the contracts. Messages are CloudEvents 1.0 in binary mode on NATS JetStream; bodies are protobuf, described here in their JSON form, which consumers read too.',
    },
    defaultContentType: 'application/protobuf',
    channels: {
      ...Object.fromEntries(
        [...channels].map(([name, members]) => [name, channelOf(name, members)]),
      ),
      ...(replied.length > 0 && { [replyChannel]: replies(new Set(replied)) }),
    },
    operations: Object.fromEntries(
      [...image.events].flatMap(([typeName, options]) => operationsOf(typeName, options)),
    ),
    components: componentsOf(image),
  };
}

type Member = readonly [typeName: string, options: EventOptions];

function channelOf(name: string, members: readonly Member[]): Json {
  const [[, { kind, partitions, owner }]] = members as readonly [Member, ...Member[]];
  const types = members.map(([typeName]) => shortName(typeName));
  const address = { event: '{type}', command: '{type}', document: '{type}.{key}' }[kind];
  return {
    address: partitions > 0 ? `${name}.{partition}.${address}` : `${name}.${address}`,
    title: `${headline[kind]}: ${name}`,
    messages: messagesRef(members.map(([typeName]) => typeName)),
    parameters: {
      type: { enum: types, description: 'The last part of the name of the message type.' },
      ...(partitions > 0 && {
        partition: {
          enum: Array.from({ length: partitions }, (_, i) => String(i)),
          description: `FNV-1a (32 bits) of the header weft-key, modulo ${partitions}.`,
        },
      }),
      ...(kind === 'document' && {
        key: { description: 'The key, or "=" and its SHA-256 in base64url where it is no token.' },
      }),
    },
    'x-weft-kind': kind,
    'x-weft-stream': name,
    ...(partitions > 0 && { 'x-weft-partitions': partitions }),
    ...(owner !== undefined && { 'x-weft-owner': owner }),
    'x-weft-retention': kind === 'document' ? { keep: 'latest' } : { maxAgeMs: defaultMaxAgeMs },
    'x-weft-dedupe': { header: 'Nats-Msg-Id', windowMs: duplicateWindowMs },
  };
}

const headline = { event: 'Events', command: 'Commands', document: 'Documents' } as const;

function replies(types: ReadonlySet<string>): Json {
  return {
    // Known from each request.
    address: null,
    title: 'Replies',
    description: `Replies and refusals travel on "${replyChannel}.<service that asked>.<type>".`,
    messages: messagesRef([...types, failureType]),
    'x-weft-stream': replyChannel,
    'x-weft-retention': { maxAgeMs: defaultMaxAgeMs },
    'x-weft-dedupe': { header: 'Nats-Msg-Id', windowMs: duplicateWindowMs },
  };
}

function operationsOf(typeName: string, options: EventOptions): [string, Json][] {
  const { channel, owner, reply } = options;
  const home = defaultTarget(typeName);
  const common = {
    channel: { $ref: `#/channels/${channel}` },
    messages: [messageRef(channel, typeName)],
    ...(reply !== undefined && { reply: replyOf(reply) }),
  };
  const sender = options.kind === 'command' ? {} : { 'x-weft-service': home };
  const receiver = owner === undefined ? {} : { 'x-weft-service': owner };
  return [
    [`send.${typeName}`, { action: 'send', ...common, ...sender }],
    [`receive.${typeName}`, { action: 'receive', ...common, ...receiver }],
  ];
}

function replyOf(reply: string): Json {
  return {
    address: {
      location: '$message.header#/weft-reply-to',
      description: `The service that asked; the subject is "${replyChannel}.<service>.<type>".`,
    },
    channel: { $ref: `#/channels/${replyChannel}` },
    messages: [messageRef(replyChannel, reply), messageRef(replyChannel, failureType)],
  };
}

function shortName(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1);
}
