import type { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import {
  type Clock,
  type Events,
  type Implementation,
  MeshError,
  type Random,
  type Store,
  sortableId,
} from '#mesh';
import { publishReceived, publishSent } from './events.ts';
import { isSameDraft } from './message.ts';
import type { MessageStore, MessagesDb } from './store.ts';
import { toMessage } from './wire.ts';

export interface MessagesServiceOptions {
  readonly messages: MessageStore;
  readonly store: Store<MessagesDb>;
  readonly events: Events<MessagesDb>;
  readonly clock: Clock;
  readonly random: Random;
}

const defaultLimit = 50;

/** chat.messages.v1.MessagesService. */
export function messagesService(
  options: MessagesServiceOptions,
): Implementation<MessagesServiceDefinition> {
  const { messages, store, events, clock, random } = options;
  return {
    async send(draft) {
      const nowMs = clock.now();
      const message = await messages.add(draft, {
        messageId: sortableId(nowMs, random),
        receivedAtMs: nowMs,
        stored: (tx, stored) => publishReceived(events, tx, stored),
      });
      if (!isSameDraft(message, draft)) throw reused(draft.clientId);
      return { message: toMessage(message) };
    },

    async readMailbox({ userId, after, limit }) {
      const page = { after, limit: limit || defaultLimit };
      const { messages: found, acknowledged } = await messages.mailbox(userId, page);
      return { messages: found.map(toMessage), acknowledged };
    },

    async acknowledge({ userId: recipient, place }) {
      const now = await store.grouped(async (tx) => {
        const { sent, place: reached } = await messages.acknowledge(tx, recipient, place);
        await publishSent(events, tx, { recipient, sent });
        return reached;
      });
      return { place: now };
    },

    async readConversation({ userId, other, limit }) {
      const found = await messages.conversation([userId, other], limit || defaultLimit);
      return { messages: found.map(toMessage) };
    },
  };
}

function reused(clientId: string): MeshError {
  return new MeshError(
    `the client id "${clientId}" stands for another message; use a new one for each message`,
    { status: 'ALREADY_EXISTS', reason: 'CLIENT_ID_REUSED' },
  );
}
