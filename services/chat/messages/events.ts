/** What messages tells the world; it hears nothing. */
import { MessageReceived, MessagesSent } from '#gen/chat/messages/v1/events.ts';
import { type Events, type Transaction, toTimestamp } from '#mesh';
import { bySender, type Message } from './message.ts';
import type { MessagesDb } from './store.ts';

/** Says that a message waits for its recipient, in the transaction that stores it. Key: the recipient. */
export async function publishReceived(
  events: Events<MessagesDb>,
  tx: Transaction<MessagesDb>,
  message: Message,
): Promise<void> {
  const { recipient, place, messageId, sender, clientId, text, receivedAtMs } = message;
  await events.publish(tx, MessageReceived, {
    ...{ recipient, place, messageId, sender, clientId, text },
    receivedAt: toTimestamp(receivedAtMs),
  });
}

/** Tells each sender what the recipient has now. Key: the recipient. */
export async function publishSent(
  events: Events<MessagesDb>,
  tx: Transaction<MessagesDb>,
  { recipient, sent }: { readonly recipient: string; readonly sent: readonly Message[] },
): Promise<void> {
  for (const [sender, clientIds] of bySender(sent)) {
    await events.publish(tx, MessagesSent, { recipient, sender, clientIds: [...clientIds] });
  }
}
