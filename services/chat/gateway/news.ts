/** What the gateway hears, as a spectator: every instance sees all of it and keeps what its own guests need. */
import { MessageReceived, MessagesSent } from '#gen/chat/messages/v1/events.ts';
import { type Events, type Log, MeshError, onRead, type ServiceParts } from '#mesh';
import type { Hall } from './hall.ts';

type Door = NonNullable<ServiceParts<unknown>['doors']>[number];

export interface NewsOptions {
  readonly events: Pick<Events<unknown>, 'read'>;
  readonly hall: Pick<Hall, 'of' | 'guests'>;
  readonly log: Log;
}

/** Reads what comes from now on; what came before stands in the mailbox, where a client that listens finds it. */
export function createNews({ events, hall, log }: NewsOptions): Door {
  const readers = [
    onRead(MessageReceived, (message) => {
      for (const guest of hall.of(message.recipient)) guest.onReceived(message);
    }),
    onRead(MessagesSent, ({ sender, recipient: to, clientIds }) => {
      for (const { connection } of hall.of(sender)) {
        // Who is not here now sees it in the conversation.
        connection.send({ type: 'sent', to, clientIds }).catch(() => undefined);
      }
    }),
  ];
  let reading: ReturnType<NewsOptions['events']['read']> | undefined;
  const read = (): void => {
    reading = events.read({ readers, from: 'now' });
    // One that nobody can read must not silence all that come after it; what it told stands in the mailbox.
    reading.ended.catch((thrown: unknown) => {
      log.error('passed over an event', { err: MeshError.from(thrown) });
      read();
      for (const guest of hall.guests()) guest.look();
    });
  };
  return {
    async start() {
      read();
      return {};
    },
    async close() {
      await reading?.close();
    },
  };
}
