import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Closeable, type Random } from '#mesh';

/** A cable to a nats-server on which a share of the acks gets lost. */
export interface AckLoss extends Closeable {
  readonly url: string;
  /** How many were lost so far. */
  readonly lost: number;
}

/**
 * An ack as a client says it. Source: docs.nats.io, "NATS protocol" (PUB) and "JetStream wire API" ($JS.ACK).
 * One that comes in two pieces is not recognised, and arrives.
 */
const ack = /PUB \$JS\.ACK\.\S+ 4\r\n\+ACK\r\n/g;

export async function openAckLoss(nats: string, share: number, random: Random): Promise<AckLoss> {
  const { hostname, port } = new URL(nats);
  const sockets = new Set<Socket>();
  let lost = 0;
  const thin = (bytes: Buffer): Buffer => {
    const text = bytes.toString('latin1').replace(ack, (whole) => {
      if (random.next() >= share) return whole;
      lost++;
      return '';
    });
    return Buffer.from(text, 'latin1');
  };
  const listener = createServer((client) => {
    const server = connect(Number(port), hostname);
    client.on('data', (bytes) => server.write(thin(bytes)));
    server.on('data', (bytes) => client.write(bytes));
    for (const [side, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(side);
      side.setNoDelay(true);
      side.on('error', () => undefined);
      side.on('close', () => {
        sockets.delete(side);
        other.destroy();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    url: `nats://127.0.0.1:${String((listener.address() as AddressInfo).port)}`,
    get lost() {
      return lost;
    },
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
