/**
 * One connection of one user, and how far it has come in the mailbox. It holds a place and no messages: what
 * a slow client has not read stands in the store, not here.
 */
import type { MessageReceived } from '#gen/chat/messages/v1/events.ts';
import type { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import { type Client, type Clock, type Log, MeshError } from '#mesh';
import type { SocketConnection } from '#mesh/edge';
import { type Pushed, toFrame } from './wire.ts';

export interface GuestPorts {
  readonly messages: Client<MessagesServiceDefinition>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Guest {
  readonly connection: SocketConnection;
  /**
   * Pushes from here on what is in the mailbox, and what comes. `after` is the last place that the client has,
   * and acknowledges it; undefined: it knows of none. Gives the place behind which it begins.
   */
  listen(after: number | undefined): Promise<number>;
  /** A message of this user is stored. */
  onReceived(message: MessageReceived): void;
  /** Looks into the mailbox: something may have come of which nobody was told. */
  look(): void;
}

const pageSize = 50;
/** After a failure to read, in ms; the messages are safe meanwhile. */
const pauseMs = 500;

export function createGuest(connection: SocketConnection, ports: GuestPorts): Guest {
  const { messages, clock, log } = ports;
  const userId = connection.caller.subject;
  /** The last place that was pushed; undefined before the client listens. */
  let cursor: number | undefined;
  let busy = false;
  let more = false;

  const push = async (message: Pushed): Promise<void> => {
    await connection.send(toFrame(message));
    cursor = message.place;
  };
  const readOn = async (): Promise<void> => {
    while (more && cursor !== undefined) {
      more = false;
      const page = await messages.readMailbox({ userId, after: cursor, limit: pageSize });
      for (const message of page.messages) await push(message);
      if (page.messages.length === pageSize) more = true;
    }
  };
  /** One at a time: whatever comes while it runs is behind what it pushes. */
  const run = async (first?: MessageReceived): Promise<void> => {
    busy = true;
    try {
      if (first !== undefined) await push(first);
      await readOn();
      busy = false;
      // It may have come between the last look and this line.
      if (more) void run();
    } catch (thrown) {
      const err = MeshError.from(thrown);
      if (err.reason === 'SOCKET_CLOSED') return;
      log.warn('a mailbox could not be read; it is tried again', { err });
      clock.after(pauseMs, () => {
        more = true;
        void run();
      });
    }
  };
  const look = (): void => {
    // A client that does not listen yet will look when it does.
    if (cursor === undefined) return;
    more = true;
    if (!busy) void run();
  };
  return {
    connection,
    async listen(after) {
      cursor = await beginning(messages, userId, after);
      look();
      return cursor;
    },
    look,
    onReceived(message) {
      if (cursor === undefined || message.place <= cursor) return;
      // The event has the message in it: the one that is next needs no question.
      if (!busy && message.place === cursor + 1) {
        void run(message);
        return;
      }
      look();
    },
  };
}

/** What the client has, it has: with that it is acknowledged, whoever pushed it. */
async function beginning(
  messages: Client<MessagesServiceDefinition>,
  userId: string,
  after: number | undefined,
): Promise<number> {
  if (after === undefined) {
    const { acknowledged } = await messages.readMailbox({ userId, after: undefined, limit: 1 });
    return acknowledged;
  }
  const { place } = await messages.acknowledge({ userId, place: after });
  // Another device of this user may have more; one that claims more than there is begins with what there is.
  return Math.min(after, place);
}
