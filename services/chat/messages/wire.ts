/** Between the domain and its messages: the only file in which the two meet. */
import { MessageStatus, type Message as Wire } from '#gen/chat/messages/v1/messages.ts';
import { toTimestamp } from '#mesh';
import type { Message } from './message.ts';

const statuses = { received: MessageStatus.RECEIVED, sent: MessageStatus.SENT } as const;

export function toMessage({ status, receivedAtMs, ...message }: Message): Wire {
  return { ...message, status: statuses[status], receivedAt: toTimestamp(receivedAtMs) };
}
