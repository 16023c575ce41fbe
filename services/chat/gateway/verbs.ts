/** What a client may ask over its WebSocket. Requests of one connection are handled one after the other. */
import type { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import type { PresenceServiceDefinition } from '#gen/chat/presence/v1/presence.ts';
import { type Client, z } from '#mesh';
import { type SocketConnection, type Verb, verb } from '#mesh/edge';
import type { Guest } from './guest.ts';
import { toHistory, toPresence } from './wire.ts';

export interface VerbsOptions {
  readonly messages: Client<MessagesServiceDefinition>;
  readonly presence: Client<PresenceServiceDefinition>;
  guestOf(connection: SocketConnection): Guest | undefined;
}

const place = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
/** What they may hold is checked by the contract. */
export const draft = z.object({ to: z.string(), clientId: z.string(), text: z.string() });

export function chatVerbs(options: VerbsOptions): Readonly<Record<string, Verb>> {
  const { messages, presence, guestOf } = options;
  return {
    listen: verb(z.object({ after: place.optional() }), async ({ after }, connection) => {
      return { after: await guestOf(connection)?.listen(after) };
    }),

    send: verb(draft, async ({ to, clientId, text }, { caller }) => {
      const sender = caller.subject;
      const { message } = await messages.send({ sender, recipient: to, clientId, text });
      return { messageId: message?.messageId };
    }),

    ack: verb(z.object({ place }), async (said, { caller }) => {
      return messages.acknowledge({ userId: caller.subject, place: said.place });
    }),

    history: verb(
      z.object({ with: z.string(), limit: z.int().min(1).max(200).optional() }),
      async ({ with: other, limit = 0 }, { caller }) => {
        const pair = { userId: caller.subject, other };
        const { messages: found } = await messages.readConversation({ ...pair, limit });
        return { messages: found.map(toHistory) };
      },
    ),

    presence: verb(z.object({ users: z.array(z.string()).min(1).max(100) }), async ({ users }) => {
      const found = await presence.getPresence({ userIds: users });
      return { users: found.users.map(toPresence) };
    }),
  };
}
