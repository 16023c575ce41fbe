/** Between messages of the mesh and the JSON of clients: the only file in which the two meet. */
import { type Message, MessageStatus } from '#gen/chat/messages/v1/messages.ts';
import type { Presence } from '#gen/chat/presence/v1/presence.ts';
import type { Frame } from '#mesh/edge';

/** What a message and the event that tells of it have in common. */
export type Pushed = Pick<
  Message,
  'place' | 'messageId' | 'sender' | 'clientId' | 'text' | 'receivedAt'
>;

/** A message as it is pushed. */
export function toFrame(message: Pushed): Frame {
  return { type: 'message', ...toJson(message) };
}

/** A message as those see it who poll. */
export function toJson({ sender: from, receivedAt, ...message }: Pushed): object {
  const { place, messageId, clientId, text } = message;
  return { place, messageId, from, clientId, text, at: isoOf(receivedAt) };
}

/** A message of a conversation: also to whom, and how far it has come. */
export function toHistory(message: Message): object {
  const status = message.status === MessageStatus.SENT ? 'SENT' : 'RECEIVED';
  return { ...toJson(message), to: message.recipient, status };
}

export function toPresence({ userId: user, online, lastSeen }: Presence): object {
  return { user, online, lastSeen: isoOf(lastSeen) };
}

function isoOf(time: Message['receivedAt']): string | undefined {
  return time && new Date(Number(time.seconds) * 1000 + time.nanos / 1e6).toISOString();
}
