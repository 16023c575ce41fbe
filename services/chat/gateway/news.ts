/** What the gateway hears, as a spectator: every instance sees all of it and keeps what its own guests need. */
import { MessageReceived, MessagesSent } from '#gen/chat/messages/v1/events.ts';
import { type Clock, type Events, type Log, MeshError, onRead, type ServiceParts } from '#mesh';
import type { Hall } from './hall.ts';

type Door = NonNullable<ServiceParts<unknown>['doors']>[number];

export interface NewsOptions {
  readonly events: Pick<Events<unknown>, 'read' | 'channelOf'>;
  readonly hall: Pick<Hall, 'of' | 'guests'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two questions to a broker that is away, in ms. */
const pauseMs = 500;

/** Reads what comes from now on; what came before stands in the mailbox, where a client that listens finds it. */
export function createNews({ events, hall, clock, log }: NewsOptions): Door {
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
  const stop = new AbortController();
  let reading: ReturnType<NewsOptions['events']['read']> | undefined;
  /** The end of the channel: what was told before it stands in the mailboxes. */
  const endOf = async (): Promise<number> => {
    for (;;) {
      try {
        return (await events.channelOf(MessageReceived, stop.signal))?.lastSequence ?? 0;
      } catch {
        await clock.sleep(pauseMs, stop.signal);
      }
    }
  };
  const read = async (): Promise<void> => {
    const end = await endOf();
    if (stop.signal.aborted) return;
    reading = events.read({ readers, from: end + 1 });
    // Whoever looked before this place was known may have missed what came until then.
    for (const guest of hall.guests()) guest.look();
    // One that nobody can read must not silence all that come after it.
    reading.ended.catch((thrown: unknown) => {
      log.error('passed over an event', { err: MeshError.from(thrown) });
      begin();
    });
  };
  // Rejects when the gateway leaves before the broker has answered.
  const begin = (): void => void read().catch(() => undefined);
  return {
    async start() {
      begin();
      return {};
    },
    async close() {
      stop.abort();
      await reading?.close();
    },
  };
}
