import type { DescMessage } from '@bufbuild/protobuf';
import { commentOf } from '../../schema/comments.ts';
import type { EventOptions } from '../../schema/events.ts';
import type { Image } from '../../schema/image.ts';
import { jsonSchemaOf, messagesInside } from '../../schema/json-schema.ts';

/** A part of a JSON document. */
export type Json = Readonly<Record<string, unknown>>;

/** What a refusal travels as. */
export const failureType = 'google.rpc.Status';

/** The messages of a channel: by their names, each a reference. */
export function messagesRef(typeNames: readonly string[]): Json {
  return Object.fromEntries(
    typeNames.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
  );
}

/** A message as a channel has it; operations may name no others. */
export function messageRef(channel: string, typeName: string): Json {
  return { $ref: `#/channels/${channel}/messages/${typeName}` };
}

const schemaRef = (typeName: string): string => `#/components/schemas/${typeName}`;

/** Every message that travels or is replied, with the schemas of all that stands inside them. */
export function componentsOf(image: Image): Json {
  const replied = [...image.events.values()].flatMap(({ reply }) => reply ?? []);
  const names = new Set([
    ...image.events.keys(),
    ...replied,
    ...(replied.length > 0 ? [failureType] : []),
  ]);
  const messages = [...names].flatMap((name) => image.registry.getMessage(name) ?? []);
  return {
    messages: Object.fromEntries(
      messages.map((message) => [
        message.typeName,
        messageOf(message, image.event(message.typeName), replied),
      ]),
    ),
    schemas: {
      Envelope: envelope,
      ...Object.fromEntries(
        [...withInner(messages)].map((message) => [
          message.typeName,
          jsonSchemaOf(message, { image, refTo: ({ typeName }) => schemaRef(typeName) }),
        ]),
      ),
    },
  };
}

function messageOf(
  message: DescMessage,
  options: EventOptions | undefined,
  replied: readonly string[],
): Json {
  const { typeName } = message;
  const isReply = replied.includes(typeName) || typeName === failureType;
  const summary = commentOf(message);
  // A reply names the request as its cause; what asks for one is known by its own id.
  const location = isReply ? 'ce-causationid' : 'ce-id';
  const correlated = isReply || options?.reply !== undefined;
  return {
    name: typeName,
    title: message.name,
    ...(summary !== '' && { summary }),
    contentType: 'application/protobuf',
    headers: { $ref: schemaRef('Envelope') },
    payload: { $ref: schemaRef(typeName) },
    ...(correlated && {
      correlationId: {
        location: `$message.header#/${location}`,
        description: 'The ce-id of a request is the ce-causationid of its reply.',
      },
    }),
    'x-weft-proto': `${message.file.name}.proto`,
    ...(options !== undefined && { 'x-weft-kind': options.kind, 'x-weft-key': options.keyField }),
  };
}

function withInner(messages: readonly DescMessage[]): Set<DescMessage> {
  const found = new Set<DescMessage>();
  const add = (message: DescMessage): void => {
    if (found.has(message)) return;
    found.add(message);
    for (const inner of messagesInside(message)) add(inner);
  };
  for (const message of messages) add(message);
  return found;
}

const text = (description: string): Json => ({ type: 'string', description });
const time = (description: string): Json => ({ type: 'string', format: 'date-time', description });

/** The headers of every message, see envelope.ts. */
const envelope: Json = {
  type: 'object',
  description: 'CloudEvents 1.0 in binary mode.',
  properties: {
    'ce-specversion': { type: 'string', const: '1.0' },
    'ce-id': text('Unique among the messages of the source; consumers recognise repeats by it.'),
    'ce-type': text('The full name of the message type.'),
    'ce-source': text('The service that sent it.'),
    'ce-time': time('When it was sent.'),
    'ce-dataschema': text('The type as a URI: "proto:" and its full name.'),
    'ce-correlationid': text('The conversation: the id of the message that began it.'),
    'ce-causationid': text('The id of the message that it follows from.'),
    'ce-expirytime': time('When nobody wants it any more; later it is not handled.'),
    'content-type': text('application/protobuf; application/json is read too.'),
    'weft-key': text('The value of the key field.'),
    'weft-reply-to': text('The service that waits for a reply.'),
    traceparent: text('W3C Trace Context: the span that sent it; ce-traceparent is read too.'),
    tracestate: text(
      'W3C Trace Context: what tracing systems note on it; ce-tracestate is read too.',
    ),
    baggage: text('W3C Baggage: facts about the work that sent it.'),
    'Nats-Msg-Id': text('The id again, by which the stream drops what is sent twice.'),
  },
  required: ['ce-specversion', 'ce-id', 'ce-type', 'ce-source'],
};
