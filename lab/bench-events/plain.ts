import { headers, type JetStreamClient, type MsgHdrs } from 'nats';
import type { Outgoing } from '../../mesh/events/bus/bus.ts';

/** The loop that one writes with the plain client: so many callers, each waiting for its ack. */
export async function publishPlainly(
  js: JetStreamClient,
  messages: readonly Outgoing[],
  inFlight: number,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    for (let message = messages[next++]; message !== undefined; message = messages[next++]) {
      const { id: msgID, subject, data } = message;
      await js.publish(subject, data, { msgID, headers: plainHeaders(message) });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

function plainHeaders({ headers: all }: Outgoing): MsgHdrs {
  const plain = headers();
  for (const [name, value] of Object.entries(all)) plain.append(name, value);
  return plain;
}
